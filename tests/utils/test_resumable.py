"""Files that appear whole, locks and unfinished work, with real files and a real kill."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.process_identity import this_process
from hand_gestures.utils.resumable import (
    IDENTITY,
    LOCK,
    UnfinishedWork,
    atomic_write,
    exclusive_lock,
    identity_difference,
    read_json,
    write_bytes,
    write_json,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_has_its_old_content_until_the_new_content_is_complete(tmp_path):
    target = tmp_path / "metrics.json"
    target.write_text("old")
    with atomic_write(target) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["metrics.json"]


@pytest.mark.parametrize("durable", [True, False])
def test_a_folder_replaces_an_older_one_completely(tmp_path, durable):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "stale.json").touch()
    with atomic_write(target, durable) as partial:
        partial.mkdir()
        (partial / "inner").mkdir()
        (partial / "inner" / "model.json").write_text("{}")
    assert names(target) == ["inner"]
    assert names(tmp_path) == ["bundle"]


def test_an_error_keeps_the_old_content_and_leaves_nothing_beside_it(tmp_path):
    target = tmp_path / "metrics.json"
    target.write_text("old")

    def fail():
        with atomic_write(target) as partial:
            partial.write_text("ne")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["metrics.json"]


def test_what_a_kill_left_beside_the_target_is_replaced(tmp_path):
    (tmp_path / "bundle.partial").mkdir()
    (tmp_path / "bundle.partial" / "half").touch()
    with atomic_write(tmp_path / "bundle") as partial:
        partial.mkdir()
    assert names(tmp_path) == ["bundle"]
    assert names(tmp_path / "bundle") == []


def test_a_folder_that_a_kill_left_half_replaced_is_restored_before_the_next_write(tmp_path):
    (tmp_path / "bundle.previous").mkdir()
    (tmp_path / "bundle.previous" / "old").touch()

    def fail():
        with atomic_write(tmp_path / "bundle") as partial:
            partial.mkdir()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert names(tmp_path) == ["bundle"]
    assert names(tmp_path / "bundle") == ["old"]


def test_the_parent_folder_is_created(tmp_path):
    write_bytes(tmp_path / "a" / "b" / "file", b"content")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"


def test_json_survives_and_a_file_that_a_kill_cut_off_counts_as_missing(tmp_path):
    path = tmp_path / "identity.json"
    write_json(path, {"имя": [1, 2]})
    assert read_json(path) == {"имя": [1, 2]}
    path.write_bytes(path.read_bytes()[:5])
    assert read_json(path) is None
    assert read_json(tmp_path / "nothing.json") is None


HOLD = """
import sys, time
from pathlib import Path
from hand_gestures.utils.resumable import exclusive_lock
with exclusive_lock(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


def test_one_process_at_a_time_writes_to_a_folder_and_a_killed_one_blocks_nobody(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "locked\n"
        with (
            pytest.raises(HandGesturesError, match=f"one run at a time .*, but process {other.pid} on host ") as caught,
            exclusive_lock(tmp_path),
        ):
            pass
        assert "\n" not in str(caught.value)
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        with exclusive_lock(tmp_path):
            pass
    finally:
        other.kill()


def test_a_lock_says_nothing_about_its_owner_after_it_is_free(tmp_path):
    with exclusive_lock(tmp_path):
        assert read_json(tmp_path / LOCK)["pid"] == os.getpid()
    assert read_json(tmp_path / LOCK) is None


def test_a_lock_can_wait_for_the_other_process(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "locked\n"
    killer = threading.Timer(0.3, other.kill)
    killer.start()
    with exclusive_lock(tmp_path, wait_seconds=60):
        killer.join()
    other.wait()


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_an_error_and_not_an_open_door(tmp_path, monkeypatch, reason):
    def refuse(*arguments):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(HandGesturesError, match=r"cannot be locked \("), exclusive_lock(tmp_path):
        pass


def test_a_lock_that_another_host_may_hold_is_a_warning(tmp_path, caplog):
    elsewhere = this_process()._replace(host="gpu-7", pid=4711)
    write_json(tmp_path / LOCK, elsewhere._asdict() | {"since": "2026-11-27 18:00:00+00:00"})
    with exclusive_lock(tmp_path):
        pass
    assert "(process 4711 on host gpu-7, since 2026-11-27 18:00:00+00:00) did not say that it has ended" in caplog.text


IDENTITY_OF_WORK = {"seed": 42, "clips": {"frames": 32, "shape": (1, 2)}}


def test_work_of_the_same_identity_is_continued(tmp_path):
    work = UnfinishedWork(tmp_path / "parts", "embedding")
    assert not work.resume(IDENTITY_OF_WORK)
    (work.folder / "1.npz").touch()
    assert UnfinishedWork(tmp_path / "parts", "embedding").resume(IDENTITY_OF_WORK)
    assert names(work.folder) == ["1.npz", IDENTITY]
    work.remove()
    assert names(tmp_path) == []


def test_work_of_another_identity_is_discarded_with_the_field_that_differs(tmp_path, caplog):
    work = UnfinishedWork(tmp_path, "embedding")
    work.resume(IDENTITY_OF_WORK)
    (work.folder / "1.npz").touch()
    (work.folder / "best").mkdir()
    (work.folder / LOCK).touch()
    assert not work.resume(IDENTITY_OF_WORK | {"seed": 7})
    assert names(work.folder) == [IDENTITY, LOCK]
    assert caplog.messages == ["embedding: unfinished work is discarded, because seed was 42 and is now 7"]
    assert work.resume(IDENTITY_OF_WORK | {"seed": 7})


@pytest.mark.parametrize("content", ["", "{", "not json"])
def test_work_without_a_readable_identity_starts_afresh(tmp_path, content):
    (tmp_path / IDENTITY).write_text(content)
    (tmp_path / "1.npz").touch()
    assert not UnfinishedWork(tmp_path, "embedding").resume(IDENTITY_OF_WORK)
    assert names(tmp_path) == [IDENTITY]


def test_an_identity_that_was_saved_as_json_equals_itself():
    saved = json.loads(json.dumps(IDENTITY_OF_WORK))
    assert identity_difference(saved, IDENTITY_OF_WORK) is None
    assert identity_difference(saved, IDENTITY_OF_WORK | {"clips": {"frames": 16}}) == ("clips.frames", 32, 16)


WRITE = """
import itertools, sys
from pathlib import Path
from hand_gestures.utils.resumable import atomic_write
for n in itertools.count():
    with atomic_write(Path(sys.argv[1])) as folder:
        folder.mkdir()
        for name in "abc":
            (folder / name).write_text(str(n) * 50_000)
    print(n, flush=True)
"""


def test_after_a_kill_at_any_moment_a_folder_is_complete_or_absent(tmp_path):
    target = tmp_path / "bundle"
    for delay in (0.0, 0.003, 0.01, 0.02):
        writer = subprocess.Popen([sys.executable, "-c", WRITE, target], stdout=subprocess.PIPE, text=True)
        writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        if target.exists():
            contents = {(target / name).read_text() for name in "abc"}
            assert len(contents) == 1
        else:  # killed between the two moves: the previous folder is beside it
            assert (tmp_path / "bundle.previous").exists()
