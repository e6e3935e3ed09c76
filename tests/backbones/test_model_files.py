import hashlib
import os
import shutil
import socket
import subprocess
import sys

import pytest

from hand_gestures.backbones import model_files
from hand_gestures.backbones.model_files import ModelUnavailableError, find_model
from hub import Hub
from small_backbones import use_hub

CONFIG_FILES = ["config.json", "preprocessor_config.json"]
NAME = "painter/hands"


@pytest.fixture
def repository(tmp_path):
    """A folder with the files of real repositories: the model, training checkpoints, pickles."""
    folder = tmp_path / "repository"
    for name, content in {
        "model.safetensors": b"the weights",
        "config.json": b"the config",
        "preprocessor_config.json": b"the preprocessing",
        "README.md": b"# Hands",
        "pytorch_model.bin": b"a pickle",
        "training_args.bin": b"a pickle",
        "checkpoint-500/model.safetensors": b"earlier weights",
        "checkpoint-500/config.json": b"{}",
        "checkpoint-500/optimizer.pt": b"a pickle",
        "weights/best.pt": b"detector weights",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def find(name=NAME, revision="main", path=None, weights="model.safetensors", config_files=CONFIG_FILES):
    return find_model(
        what="ViT", name=name, revision=revision, path=path, weights=weights, config_files=list(config_files)
    )


def complaint(**request):
    """The error message of finding this model."""
    with pytest.raises(ModelUnavailableError) as caught:
        find(**request)
    return str(caught.value)


def test_a_pinned_commit_is_downloaded_with_its_sha256(hub, repository, tmp_path):
    commit = hub.publish(NAME, repository)
    found = find(revision=commit)
    assert found.weights_path.read_bytes() == b"the weights"
    assert found.weights_path.is_relative_to(tmp_path / "cache")
    assert (found.name, found.revision, found.commit) == (NAME, commit, commit)
    assert found.sha256 == hashlib.sha256(b"the weights").hexdigest()


def test_a_branch_is_resolved_to_its_commit(hub, repository):
    commit = hub.publish(NAME, repository)
    found = find(revision="main")
    assert (found.revision, found.commit) == ("main", commit)
    assert found.sha256 == hashlib.sha256(b"the weights").hexdigest()


def test_a_moved_branch_gives_the_new_commit_and_the_pinned_one_stays(hub, repository, tmp_path):
    first = hub.publish(NAME, repository)
    newer = shutil.copytree(repository, tmp_path / "newer")
    (newer / "model.safetensors").write_bytes(b"better weights")
    find(revision="main")
    second = hub.publish(NAME, newer)
    moved, pinned = find(revision="main"), find(revision=first)
    assert (moved.commit, moved.weights_path.read_bytes()) == (second, b"better weights")
    assert (pinned.commit, pinned.weights_path.read_bytes()) == (first, b"the weights")


@pytest.mark.parametrize("revision", ["main", None])
def test_only_the_wanted_files_are_downloaded(hub, repository, tmp_path, revision):
    commit = hub.publish(NAME, repository)
    found = find(revision=revision or commit)
    wanted = {"model.safetensors", *CONFIG_FILES}
    assert set(hub.downloads) == {(NAME, file) for file in wanted}
    assert {file.name for file in found.weights_path.parent.iterdir()} == wanted
    assert not list((tmp_path / "cache").rglob("*checkpoint*"))


def test_weights_in_a_subfolder_are_found_there(hub, repository):
    commit = hub.publish(NAME, repository)
    found = find(weights="weights/best.pt", config_files=[])
    assert found.weights_path.read_bytes() == b"detector weights"
    assert found.commit == commit
    assert hub.downloads == [(NAME, "weights/best.pt")]


def test_a_pinned_commit_comes_from_the_cache_when_the_hub_is_gone(monkeypatch, repository, tmp_path):
    with Hub() as hub:
        use_hub(monkeypatch, hub.url, tmp_path / "cache")
        commit = hub.publish(NAME, repository)
        first = find(revision=commit)
    assert find(revision=commit) == first


def test_a_pinned_commit_in_the_cache_needs_no_request(hub, repository):
    commit = hub.publish(NAME, repository)
    find(revision=commit)
    hub.requests.clear()
    find(revision=commit)
    assert hub.requests == []


def test_a_branch_comes_from_the_cache_when_the_hub_is_gone(monkeypatch, repository, tmp_path):
    with Hub() as hub:
        use_hub(monkeypatch, hub.url, tmp_path / "cache")
        commit = hub.publish(NAME, repository)
        find(revision="main")
    assert find(revision="main").commit == commit


def test_the_error_names_an_unknown_repository(hub, tmp_path):
    message = complaint(name="painter/feet", revision="v1")
    for part in ("ViT", "painter/feet", "v1", hub.url, str(tmp_path / "cache"), "check name"):
        assert part in message


@pytest.mark.parametrize("revision", ["v9", "0123456789abcdef0123456789abcdef01234567"])
def test_the_error_names_an_unknown_revision(hub, repository, tmp_path, revision):
    hub.publish(NAME, repository)
    message = complaint(revision=revision)
    for part in ("ViT", NAME, revision, hub.url, str(tmp_path / "cache"), "check name, revision"):
        assert part in message


def test_the_error_of_an_unreachable_hub_names_it_and_a_remedy(monkeypatch, tmp_path):
    with Hub() as gone:
        url = gone.url
    use_hub(monkeypatch, url, tmp_path / "cache")
    message = complaint()
    for part in ("ViT", NAME, "main", url, str(tmp_path / "cache"), "network", "set its path"):
        assert part in message


def test_the_environment_variables_of_huggingface_hub_are_used(repository, tmp_path):
    script = (
        "from hand_gestures.backbones.model_files import ModelUnavailableError, find_model\n"
        "try:\n"
        f"    print(find_model(what='ViT', name='{NAME}', revision='main', path=None, weights='model.safetensors',"
        " config_files=[]).commit)\n"
        "except ModelUnavailableError as error:\n"
        "    print(error)\n"
    )

    def output(**environment):
        settings = {"HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home"), "NO_PROXY": "127.0.0.1", **environment}
        run = subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, **settings}, capture_output=True, text=True, timeout=60
        )
        return run.stdout.strip()

    with Hub() as hub:
        commit = hub.publish(NAME, repository)
        caches = {name: {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / name)} for name in ("one", "two")}
        assert output(**caches["one"]) == commit
        hub.requests.clear()
        assert output(**caches["one"], HF_HUB_OFFLINE="1") == commit
        message = output(**caches["two"], HF_HUB_OFFLINE="1")
        assert hub.requests == []
    for part in ("ViT", NAME, "main", str(tmp_path / "two"), "HF_HUB_OFFLINE", "set its path"):
        assert part in message


def test_offline_mode_makes_no_request_and_names_the_model(monkeypatch, hub, repository):
    from huggingface_hub import constants

    commit = hub.publish(NAME, repository)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    message = complaint(revision=commit)
    assert NAME in message
    assert commit in message
    assert hub.requests == []


@pytest.mark.parametrize("missing", ["model.safetensors", "preprocessor_config.json"])
def test_a_repository_without_a_needed_file_is_an_error(hub, repository, missing):
    (repository / missing).unlink()
    hub.publish(NAME, repository)
    message = complaint()
    for part in ("ViT", missing, NAME, "main", "choose another model or revision"):
        assert part in message


def test_an_incomplete_cache_is_not_used_as_the_model(monkeypatch, repository, tmp_path):
    with Hub() as hub:
        use_hub(monkeypatch, hub.url, tmp_path / "cache")
        commit = hub.publish(NAME, repository)
        find(revision=commit).weights_path.unlink()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert commit in complaint(revision=commit)


def test_a_local_folder_is_used_as_it_is(repository):
    found = find(path=str(repository))
    assert found.weights_path == repository / "model.safetensors"
    assert (found.name, found.revision, found.commit) == ("repository", None, None)
    assert found.sha256 == hashlib.sha256(b"the weights").hexdigest()


def test_a_local_path_is_preferred_to_the_hub(hub, repository):
    hub.publish(NAME, repository)
    find(path=str(repository))
    assert hub.requests == []


def test_a_local_file_is_used_as_it_is(repository):
    found = find(path=str(repository / "weights" / "best.pt"))
    assert found.weights_path == repository / "weights" / "best.pt"
    assert (found.weights, found.commit) == ("best.pt", None)
    assert found.sha256 == hashlib.sha256(b"detector weights").hexdigest()


@pytest.mark.parametrize("path", ["nowhere", "nowhere/ResNext50.pth", "repository/checkpoint-900"])
def test_the_error_of_a_missing_local_path_names_it_and_a_remedy(repository, path):
    message = complaint(path=str(repository.parent / path))
    for part in ("ViT", str(repository.parent / path), "does not exist", "set it to null"):
        assert part in message


def test_a_local_folder_without_weights_is_an_error(repository):
    (repository / "model.safetensors").unlink()
    message = complaint(path=str(repository))
    assert str(repository / "model.safetensors") in message
    assert "does not exist" in message


@pytest.fixture
def silent_hub():
    """Accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("revision", ["main", "0123456789abcdef0123456789abcdef01234567"])
def test_a_silent_hub_is_an_error_after_the_timeout(monkeypatch, tmp_path, silent_hub, revision):
    monkeypatch.setattr(model_files, "HUB_TIMEOUT", 0.5)
    use_hub(monkeypatch, silent_hub, tmp_path / "cache")
    assert silent_hub in complaint(revision=revision)
