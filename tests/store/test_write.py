import logging
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from hand_gestures.store.checkpoint import ExtractionCheckpoint
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.resumable import exclusive_lock
from small_embeddings import CONTRACT, Clip, embedded_sequence, pending_embeddings

TESTS = Path(__file__).parents[1]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out" / "a.h5"


@pytest.fixture
def parts(path):
    return path.with_name("a.h5.parts")


def sequences(count=6):
    return [embedded_sequence(n % 3, n, views=2) for n in range(count)]


class Recorded:
    """Pending embeddings that record what they embed, and fail at one sequence."""

    def __init__(self, fails_at=None, clips=None, **header):
        self.requests = []
        self.fails_at = fails_at
        plain = pending_embeddings(sequences() if clips is None else clips, **header)
        self.pending = plain._replace(embed=lambda requests: self.embed(plain.embed(requests), requests))

    @property
    def indices(self):
        return [request.sequence for request in self.requests]

    def embed(self, embedded, requests):
        for request, sequence in zip(requests, embedded, strict=True):
            if request.sequence == self.fails_at:
                raise HandGesturesError("a frame is gone")
            self.requests.append(request)
            yield sequence


@pytest.fixture
def whole(tmp_path):
    """The bytes of the file of a run without interruption."""
    write_embeddings(tmp_path / "whole" / "a.h5", pending_embeddings(sequences()))
    return (tmp_path / "whole" / "a.h5").read_bytes()


@pytest.fixture
def interrupted(path):
    """The path of a file whose run failed at the fourth sequence."""
    with pytest.raises(HandGesturesError, match="a frame is gone"):
        write_embeddings(path, Recorded(fails_at=3).pending)
    return path


def test_only_the_complete_file_remains(path):
    write_embeddings(path, pending_embeddings(sequences()))
    assert list(path.parent.iterdir()) == [path]


def test_the_next_run_continues_an_interrupted_one_and_ends_with_the_same_bytes(interrupted, parts, whole, caplog):
    assert not interrupted.exists()
    assert len(list(parts.glob("*.npz"))) == 3
    again = Recorded()
    with caplog.at_level(logging.INFO):
        write_embeddings(interrupted, again.pending)
    assert again.indices == [3, 4, 5]
    assert "a.h5: 6 rows copied, 6 computed; hands of 3 clips copied, of 3 searched" in caplog.messages
    assert interrupted.read_bytes() == whole
    assert list(interrupted.parent.iterdir()) == [interrupted]


def test_a_file_that_is_up_to_date_is_left_as_it_is(path, whole, caplog):
    write_embeddings(path, pending_embeddings(sequences()))
    before = path.stat()
    again = Recorded()
    with caplog.at_level(logging.INFO):
        write_embeddings(path, again.pending)
    assert again.indices == []
    assert "a.h5 is up to date, skipping" in caplog.messages
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.read_bytes() == whole


def test_a_run_whose_file_is_up_to_date_keeps_the_unfinished_parts_of_another_run(path, parts):
    write_embeddings(path, pending_embeddings(sequences()))
    parts.mkdir()
    (parts / "00000000.npz").touch()
    with exclusive_lock(parts):
        write_embeddings(path, pending_embeddings(sequences()))
    assert (parts / "00000000.npz").exists()
    write_embeddings(path, pending_embeddings(sequences()))
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "field", "hands_copied"),
    [
        ({"contract": CONTRACT | {"size": 2}}, "contract.size was 64 and is now 2", 3),
        ({"contract": CONTRACT | {"storage": "float16"}, "storage": "float16"}, "contract.storage was None", 3),
    ],
)
def test_another_contract_computes_all_rows_again_and_back_and_logs_the_field_that_differs(
    interrupted, whole, caplog, change, field, hands_copied
):
    with caplog.at_level(logging.INFO):
        other = Recorded(**change)
        write_embeddings(interrupted, other.pending)
    assert [request.views for request in other.requests] == [(0, 1)] * 6
    assert sum(not request.hands for request in other.requests) == hands_copied  # those of the interrupted run
    assert EmbeddingFile(interrupted).header == other.pending.header
    back = Recorded()
    with caplog.at_level(logging.INFO):
        write_embeddings(interrupted, back.pending)
    assert [request.views for request in back.requests] == [(0, 1)] * 6
    assert not any(request.hands for request in back.requests)
    assert any(message.startswith(f"a.h5 is written again: {field.split()[0]}") for message in caplog.messages)
    assert interrupted.read_bytes() == whole


def test_the_earlier_file_stays_until_the_new_one_is_complete(path):
    write_embeddings(path, pending_embeddings(sequences()))
    before = path.read_bytes()
    with pytest.raises(HandGesturesError):
        write_embeddings(path, Recorded(fails_at=3, contract={"size": 2}).pending)
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_read_is_written_again(path, whole, caplog):
    path.parent.mkdir()
    path.write_bytes(whole[:5000])
    write_embeddings(path, pending_embeddings(sequences()))
    assert path.read_bytes() == whole
    assert "a.h5 cannot be read and is written again" in caplog.text


def damage(part, how):
    content = part.read_bytes()
    if how == "cut":
        part.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        part.write_bytes(b"")
    elif how == "no zip":
        part.write_bytes(b"\x93NUMPY" + bytes(100))
    elif how == "other shape":
        np.savez(part, row_keys=np.zeros(3, np.uint8), hands_key=np.zeros(0, np.uint8), mirrored=np.zeros(7))
    else:
        middle = len(content) // 2
        part.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def in_order(parts):
    """The part files in the order in which they were written."""
    return sorted(parts.glob("*.npz"), key=lambda path: path.stat().st_mtime_ns)


@pytest.mark.parametrize("how", ["cut", "empty", "one bit", "no zip", "other shape"])
def test_damaged_parts_are_embedded_again_with_one_warning_and_the_other_parts_stay(
    interrupted, parts, whole, how, caplog
):
    damaged = {path: path.read_bytes() for path in in_order(parts)[::2]}
    for path in damaged:
        damage(path, how)
    again = Recorded()
    write_embeddings(interrupted, again.pending)
    assert len(again.indices) == len(set(again.indices)) == 5
    assert {3, 4, 5} < set(again.indices)
    (warning,) = [record.getMessage() for record in caplog.records if "cannot be read" in record.getMessage()]
    assert re.search(r"2 unfinished parts cannot be read|6 of the found rows and hands cannot be read", warning)
    assert any(path.name in warning for path in damaged)
    assert interrupted.read_bytes() == whole
    assert list(interrupted.parent.iterdir()) == [interrupted]


def test_a_part_that_is_damaged_again_at_once_is_an_error_because_the_disk_is_faulty(path, parts, monkeypatch):
    write, faulty = ExtractionCheckpoint.write, sequences()[1].content

    def write_badly(checkpoint, sequence, row_keys, *others):
        part = write(checkpoint, sequence, row_keys, *others)
        if pending_embeddings(sequences()).header.keys().row(faulty, 0) in row_keys:
            damage(part.path, "one bit")
        return part

    monkeypatch.setattr(ExtractionCheckpoint, "write", write_badly)
    with pytest.raises(HandGesturesError, match=r"after they are written, but .*\.npz .* check the disk"):
        write_embeddings(path, pending_embeddings(sequences()))
    assert [entry.name for entry in path.parent.iterdir()] == [parts.name]
    monkeypatch.undo()
    again = Recorded()
    write_embeddings(path, again.pending)
    assert again.indices == [1]


def test_files_of_others_among_the_parts_are_ignored(interrupted, parts, whole):
    (parts / "notes.npz").write_bytes(b"")
    (parts / "identity.json").write_text("{}")  # earlier versions wrote it
    write_embeddings(interrupted, pending_embeddings(sequences()))
    assert interrupted.read_bytes() == whole


def test_a_second_run_of_the_same_file_is_refused(path, parts):
    parts.mkdir(parents=True)
    with FileLock(parts / "lock"), pytest.raises(HandGesturesError, match="another run is writing there"):
        write_embeddings(path, pending_embeddings(sequences()))


def test_clips_that_could_not_be_read_again_are_refused_before_the_first_is_embedded(path):
    pending = pending_embeddings(sequences())
    long = pending._replace(header=replace(pending.header, shape=(12, 5000, 12, 6)), embed=None)
    with pytest.raises(HandGesturesError, match=r"1 to 4096 frames, .* have 5000; set clips\.frames to a lower number"):
        write_embeddings(path, long)


def test_no_sequences_give_a_file_without_rows(path):
    write_embeddings(path, pending_embeddings([]))
    assert len(EmbeddingFile(path)) == 0
    assert EmbeddingFile(path).sequence_ids == []


def large(count):
    rng = np.random.default_rng(0)
    return [
        Clip(
            rng.normal(0, 1, (1, 8, 12, 64)).astype(np.float32),
            np.array([n % 3]),
            np.zeros((2, 3, 4), np.float32),
            np.zeros((2, 3), np.float32),
        )
        for n in range(count)
    ]


def large_pending(count):
    return pending_embeddings(large(count), shape=(count, 8, 12, 64))


@pytest.mark.parametrize("count", [20, 6], ids=["full while embedding", "full while joining"])
def test_the_error_of_a_full_disk_is_one_sentence_and_nothing_is_lost(small_disk, tmp_path, count, caplog):
    disk = small_disk(200)
    path = disk / "a.h5"
    with pytest.raises(
        HandGesturesError, match=r"/small.*, but that failed \(No space left on device\); free disk space"
    ):
        write_embeddings(path, large_pending(count))
    assert "a.h5 may need up to 0.0 GB until its parts are joined" in caplog.text
    assert not path.exists()
    assert not list(disk.rglob("*.partial"))
    finished = len(list(disk.rglob("*.npz")))
    assert finished >= 5
    small_disk(8000)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        write_embeddings(path, large_pending(count))
    assert f"a.h5: {finished} rows copied, {count - finished} computed;" in caplog.text
    write_embeddings(tmp_path / "whole.h5", large_pending(count))
    assert path.read_bytes() == (tmp_path / "whole.h5").read_bytes()


SCRIPT = f"""
import sys, time
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from hand_gestures.store.write import write_embeddings
from small_embeddings import embedded_sequence, pending_embeddings
plain = pending_embeddings([embedded_sequence(n % 3, n, views=2) for n in range(60)])
def slow(requests):
    for sequence in plain.embed(requests):
        time.sleep(0.02)
        yield sequence
print("ready", flush=True)
write_embeddings(Path(sys.argv[1]), plain._replace(embed=slow))
"""


def test_ten_kills_at_random_moments_end_with_the_file_of_one_clean_run(tmp_path, path, parts):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    subprocess.run([sys.executable, script, tmp_path / "clean.h5"], check=True, capture_output=True)
    whole = (tmp_path / "clean.h5").read_bytes()
    moments = random.Random(0)
    finished = []
    for _ in range(10):
        run = subprocess.Popen([sys.executable, script, path], stdout=subprocess.PIPE)
        assert run.stdout.readline() == b"ready\n"
        time.sleep(moments.uniform(0, 0.25))  # of 1.2 seconds or more that it takes
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        finished.append(60 if path.exists() else len(list(parts.glob("*.npz"))))
        assert not path.exists() or path.read_bytes() == whole
    subprocess.run([sys.executable, script, path], check=True, capture_output=True)
    assert path.read_bytes() == whole
    assert finished == sorted(finished)  # nothing that was finished is lost
    assert any(0 < count < 60 for count in finished)


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path):
    """Rows of 0.6 MB: holding 190 more of them would take 110 MB more."""
    script = (
        "import sys, resource; from pathlib import Path; import numpy as np\n"
        "from hand_gestures.store.embedding_file import *\n"
        "from hand_gestures.store.write import write_embeddings\n"
        "count = int(sys.argv[1]); empty = np.empty((0, 1, 4), np.float32); rng = np.random.default_rng(0)\n"
        "header = EmbeddingHeader((count, 32, 12, 384), ('a',), ('c',) * 12, (), 1, {})\n"
        "def embed(requests):\n"
        "    for request in requests:\n"
        "        clip = rng.standard_normal((1, 32, 12, 384), np.float32)\n"
        "        yield EmbeddedSequence(clip, np.zeros(1, bool), None, None)\n"
        "contents = np.random.default_rng(1).integers(0, 256, (count, 16), np.uint8)\n"
        "labels, ids = np.zeros((count, 2), int), [str(n) for n in range(count)]\n"
        "pending = PendingEmbeddings(header, ids, contents, labels, 1, embed, (), lambda file: None, FileGroup(1))\n"
        "write_embeddings(Path(sys.argv[2]), pending)\n"
        "unit = 1024 if sys.platform == 'darwin' else 1\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit)\n"
    )
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", script, str(count), str(tmp_path / str(count) / "a.h5")],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for count in (10, 200)
    ]
    assert peaks[1] - peaks[0] < 40_000  # kilobytes
