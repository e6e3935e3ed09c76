"""A model hub on the loopback interface: serves folders the way huggingface_hub asks for them."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
QUESTION = re.compile(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)")


class NotFoundError(Exception):
    """Answered as 404; the message is the hub's own name for what is missing."""


class Hub:
    """Serves each folder given to `publish` as one commit of a repository.

    `downloads` lists the files whose contents were asked for, as (repository, file); `requests` every request line.
    """

    def __init__(self) -> None:
        self.commits: dict[str, dict[str, Path]] = {}
        self.branches: dict[str, dict[str, str]] = {}
        self.requests: list[str] = []
        self.downloads: list[tuple[str, str]] = []
        handler = type("HubHandler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def publish(self, repository: str, folder: Path, branch: str = "main") -> str:
        """Make the folder the newest commit of `branch` and return that commit's sha."""
        listing = "".join(f"{name}:{_digest(file)}\n" for name, file in _files(folder).items())
        commit = hashlib.sha1(f"{repository}\n{listing}".encode()).hexdigest()
        self.commits.setdefault(repository, {})[commit] = folder
        self.branches.setdefault(repository, {})[branch] = commit
        return commit

    def find(self, repository: str, revision: str) -> tuple[str, Path]:
        """Commit and folder of a branch or a commit."""
        if repository not in self.commits:
            raise NotFoundError("RepoNotFound")
        commit = self.branches[repository].get(revision, revision)
        if commit not in self.commits[repository]:
            raise NotFoundError("RevisionNotFound")
        return commit, self.commits[repository][commit]


class _Handler(BaseHTTPRequestHandler):
    """Closes the connection after each answer (HTTP/1.0), so that a hub that has stopped answers nobody."""

    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        try:
            status, headers, body = 200, *self._resource(path, with_body)
        except NotFoundError as error:
            status, headers, body = 404, {"X-Error-Code": str(error)}, b""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _resource(self, path: str, with_body: bool) -> tuple[dict[str, str], bytes]:
        if file_request := FILE.fullmatch(path):
            repository, revision, name = file_request.groups()
            commit, folder = self.hub.find(repository, revision)
            file = _files(folder).get(name)
            if file is None:
                raise NotFoundError("EntryNotFound")
            if with_body:
                self.hub.downloads.append((repository, name))
            return {"ETag": f'"{_digest(file)}"', "X-Repo-Commit": commit}, file.read_bytes()
        if question := QUESTION.fullmatch(path):
            return {"Content-Type": "application/json"}, json.dumps(self._answer_to(*question.groups())).encode()
        raise NotFoundError("EntryNotFound")

    def _answer_to(self, repository: str, question: str, revision: str) -> dict | list:
        commit, folder = self.hub.find(repository, revision)
        files = _files(folder)
        if question == "revision":
            return {"id": repository, "sha": commit, "siblings": [{"rfilename": name} for name in files]}
        return [
            {"type": "file", "path": name, "size": file.stat().st_size, "oid": _digest(file)}
            for name, file in files.items()
        ]


def _files(folder: Path) -> dict[str, Path]:
    return {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
