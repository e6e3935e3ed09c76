import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from hand_gestures.embedding.clip_contents import SETTLED_NS, FrameDigests, content_bytes, digest_clips
from hand_gestures.utils.errors import HandGesturesError

NAMES = ["wave/a_frame_0.jpg", "wave/a_frame_1.jpg", "fist/b_frame_0.jpg"]


@pytest.fixture
def frames(tmp_path):
    """Three frame files; the third equals the first."""
    folder = tmp_path / "frames"
    for name, content in zip(NAMES, (b"one", b"two", b"one"), strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def settled(monkeypatch):
    """The clock of the program is so far ahead that every file was changed long ago: no file can have an old ctime."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 2 * SETTLED_NS)


@pytest.fixture
def reads(monkeypatch):
    """The names of the frame files that are read."""
    names, read = [], Path.read_bytes

    def record(path):
        names.append(path.name)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", record)
    return names


def digests_of(frames, names=NAMES):
    with closing(FrameDigests(frames.parent / "cache" / "digests.sqlite", frames)) as digests:
        return digests(names)


def test_equal_content_has_equal_digests_and_another_name_does_not_matter(frames):
    one, two, same = digests_of(frames).values()
    assert one == same != two


def test_a_file_is_read_once(frames, settled, reads):
    first = digests_of(frames)
    assert len(reads) == 3
    assert digests_of(frames) == first
    assert len(reads) == 3


def test_a_file_that_was_just_changed_is_read_again_because_its_time_may_not_show_the_next_change(frames, reads):
    digests_of(frames)
    digests_of(frames)
    assert len(reads) == 6


@pytest.mark.parametrize("keep_time", [True, False])
def test_a_changed_file_of_the_same_size_has_another_digest_even_with_its_old_time(frames, settled, keep_time):
    before = digests_of(frames)
    path = frames / NAMES[0]
    times = path.stat()
    time.sleep(0.02)  # the clock of the file system has ticks
    path.write_bytes(b"new")
    if keep_time:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = digests_of(frames)
    assert after[NAMES[0]] != before[NAMES[0]]
    assert after[NAMES[1]] == before[NAMES[1]]


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, None])
def test_a_damaged_database_is_replaced(frames, settled, content, caplog):
    before = digests_of(frames)
    path = frames.parent / "cache" / "digests.sqlite"
    if content is None:  # one page in the middle
        whole = bytearray(path.read_bytes())
        whole[4096:] = os.urandom(len(whole) - 4096)
        content = bytes(whole)
    path.write_bytes(content)
    assert digests_of(frames) == before
    assert ("is damaged: all frames are read again" in caplog.text) == bool(content)


def test_a_database_that_another_run_holds_is_an_error_and_stays(frames, settled, monkeypatch):
    digests_of(frames)
    path = frames.parent / "cache" / "digests.sqlite"
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda database: connect(database, timeout=0.1))
    (frames / "new.jpg").write_bytes(b"new")
    with closing(connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(HandGesturesError, match=r"digests of frames must be written to .* failed \(.*locked\)"):
            digests_of(frames, ["new.jpg"])
    assert path.stat().st_size


def test_a_missing_frame_is_an_error_that_names_it(frames):
    (frames / NAMES[1]).unlink()
    with pytest.raises(HandGesturesError, match=r"a_frame_1\.jpg is not .*restore the file"):
        digests_of(frames)


def test_a_clip_is_its_frames_in_their_order(frames):
    table = pd.DataFrame({"frames": [NAMES[:2], NAMES[1::-1], [NAMES[2], NAMES[1]], [NAMES[0], NAMES[0]]]})
    with closing(FrameDigests(frames.parent / "digests.sqlite", frames)) as digests:
        forward, backward, other_names, repeated = digest_clips(table, digests)
        assert digest_clips(table[:0], digests) == []
    assert forward == other_names
    assert len({forward, backward, repeated}) == 3
    assert content_bytes([forward, backward]).shape == (2, 16)
