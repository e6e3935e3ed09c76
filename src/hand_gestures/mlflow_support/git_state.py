"""Which code runs: the commit of the project's work tree, and whether the tree differs from it."""

import subprocess
from pathlib import Path
from typing import NamedTuple

# What decides how a run ends. Data is left out: a folder of a million ignored frames takes long to look through.
CODE = ("src", "conf", "pyproject.toml", "requirements.txt")


class GitState(NamedTuple):
    """`dirty`: code or settings differ from the commit, new files among them."""

    commit: str
    dirty: bool


def git_state(project: Path) -> GitState | None:
    """The state of the repository that holds the project; None where there is none, or no git."""
    # the second name fails where another repository lies around a project that is not part of it
    known = _git(project, "rev-parse", "HEAD", "HEAD:./pyproject.toml")
    if known is None:
        return None
    return GitState(known.split()[0], bool(_git(project, "status", "--porcelain", "--", *CODE)))


def _git(project: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(project), *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    return ended.stdout if ended.returncode == 0 else None
