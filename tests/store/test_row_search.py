"""Rows that exist are copied, wherever they are; only missing rows are computed."""

import logging
import os
import random
import signal
import time

import h5py
import pytest

from hand_gestures.store.embedding_file import EmbeddingFile, FileGroup
from hand_gestures.store.write import write_embeddings
from small_embeddings import RECIPE, embedded_sequence, pending_embeddings

SPLITS = ("train", "val", "test")


def clip(number, views=1):
    """Some of four views; the same ones of the same clip are equal."""
    whole = embedded_sequence(number % 3, number, views=4)
    return whole._replace(embeddings=whole.embeddings[:views], labels=whole.labels[:views])


class Computed:
    """Plans the three files of a split, and counts what is computed for them."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.rows = self.hands = 0

    def plan(self, train, val, test=(), views=2, **header):
        group = FileGroup(3)
        for split, numbers in zip(SPLITS, (train, val, test), strict=True):
            own_views = views if split == "train" else 1
            clips = [clip(number, own_views) for number in numbers]
            if not clips:
                header = header | {"recipe": {}}
            pending = pending_embeddings(clips, **header)
            names = [f"{pending.header.class_names[one.labels[0]]}/v{n}" for one, n in zip(clips, numbers, strict=True)]
            yield split, pending._replace(embed=self.counted(pending.embed), group=group, sequence_ids=names)

    def counted(self, embed):
        def count(requests):
            for request, sequence in zip(requests, embed(requests), strict=True):
                time.sleep(self.seconds)
                self.rows += len(request.views)
                self.hands += request.hands
                yield sequence

        return count

    def write(self, folder, *split, **header):
        """Write the three files.

        Returns:
            Numbers of rows and hands that were computed for them.
        """
        self.rows = self.hands = 0
        for name, pending in self.plan(*split, **header):
            write_embeddings(folder / f"{name}.h5", pending)
        return self.rows, self.hands


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path):
    """Three files of eight clips."""
    assert Computed().write(tmp_path / "out", range(4), range(4, 6), range(6, 8)) == (12, 8)
    return tmp_path / "out"


def fresh(tmp_path, *split, **header):
    Computed().write(tmp_path / "fresh", *split, **header)
    return contents(tmp_path / "fresh")


@pytest.mark.parametrize(
    ("split", "rows"),
    [
        (((0, 1, 2, 3), (4, 5), (6, 7)), 0),
        (((3, 1, 0, 2), (5, 4), (6, 7)), 0),  # another order
        (((0, 1, 2), (3, 4, 5), (6, 7)), 0),  # a clip moves from training to validation
        (((0, 1, 2, 3, 4), (5,), (6, 7)), 1),  # to training: its augmented view is missing
        (((4, 5, 6, 7), (0, 1), (2, 3)), 4),  # all clips change sides
        (((1, 2, 3), (5,), ()), 0),  # clips are removed
        (((0, 1, 2, 3, 9), (4, 5), (6, 7)), 2),  # a clip is added
    ],
)
def test_a_split_is_a_selection_of_rows_that_exist(tmp_path, folder, split, rows):
    computed, _ = Computed().write(folder, *split)
    assert computed == rows
    assert contents(folder) == fresh(tmp_path, *split)


def test_equal_clips_are_computed_once(tmp_path):
    assert Computed().write(tmp_path / "out", (0, 1, 0), (1,)) == (4, 2)
    assert len(EmbeddingFile(tmp_path / "out/train.h5")) == 6


def test_more_views_keep_the_views_that_exist(tmp_path, folder):
    split = range(4), range(4, 6), range(6, 8)
    assert Computed().write(folder, *split, views=4) == (4 * 2, 0)
    assert contents(folder) == fresh(tmp_path, *split, views=4)
    assert Computed().write(folder, *split, views=2) == (0, 0)


def test_another_augmentation_computes_augmented_rows_only_and_rewrites_no_file_without_them(tmp_path, folder):
    before = (folder / "val.h5").stat().st_mtime_ns
    hue = {"version": 1, "augmentation": RECIPE["augmentation"] | {"hue": 0.2}}
    group = FileGroup(1)
    counter = Computed()
    (_, pending), *_ = counter.plan(range(4), (), recipe=hue)
    write_embeddings(folder / "train.h5", pending._replace(group=group))
    assert (counter.rows, counter.hands) == (4, 0)
    assert (folder / "val.h5").stat().st_mtime_ns == before


def test_another_search_for_hands_computes_hands_only(folder):
    split = range(4), range(4, 6), range(6, 8)
    assert Computed().write(folder, *split, hand_search={"confidence": 0.5}) == (0, 8)


def test_new_class_names_are_written_without_computing(folder):
    split = range(4), range(4, 6), range(6, 8)
    assert Computed().write(folder, *split, class_names=("rock", "swipe_left", "swipe_right")) == (0, 0)
    assert EmbeddingFile(folder / "val.h5").header.class_names[0] == "rock"
    assert EmbeddingFile(folder / "train.h5").sequence_ids[0] == "rock/v0"


def test_another_origin_of_the_same_weights_writes_nothing(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    split = range(4), range(4, 6), range(6, 8)
    moved = {"models": {"vit": {"revision": "a" * 40}}}
    assert Computed().write(folder, *split, provenance=moved) == (0, 0)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_rows_are_copied_from_files_elsewhere(tmp_path, folder):
    counter = Computed()
    for name, pending in counter.plan(range(4), range(4, 6), range(6, 8)):
        sources = tuple(folder / f"{split}.h5" for split in SPLITS)
        write_embeddings(tmp_path / "copy" / f"{name}.h5", pending._replace(sources=sources))
    assert (counter.rows, counter.hands) == (0, 0)
    assert contents(tmp_path / "copy") == contents(folder)


def test_a_file_of_another_contract_gives_no_rows(tmp_path, folder):
    counter = Computed()
    for name, pending in counter.plan(range(4), (), contract={"precision": "bfloat16"}):
        write_embeddings(tmp_path / "b" / f"{name}.h5", pending._replace(sources=(folder / "train.h5",)))
    assert (counter.rows, counter.hands) == (8, 0)


@pytest.mark.parametrize("layout", [{}, {"compression": "gzip"}, {"chunks": (2, 8, 12, 6), "compression": "gzip"}])
def test_rows_of_other_layouts_are_packed_as_if_they_were_computed(tmp_path, folder, layout):
    before = contents(folder)
    for split in SPLITS[:2]:
        with h5py.File(folder / f"{split}.h5", "r+") as file:
            clips = file["embeddings/data"][:]
            del file["embeddings/data"]
            file.create_dataset("embeddings/data", data=clips, **layout)
    counter = Computed()
    for name, pending in counter.plan(range(4), range(4, 6), range(6, 8)):
        sources = tuple(folder / f"{split}.h5" for split in SPLITS)
        write_embeddings(tmp_path / "copy" / f"{name}.h5", pending._replace(sources=sources))
    assert counter.rows == 0
    assert contents(tmp_path / "copy") == before


def test_a_row_that_cannot_be_read_is_computed_and_the_others_are_copied(tmp_path, folder, caplog):
    with h5py.File(folder / "val.h5", "r+") as file:
        clips = file["embeddings/data"][:]
        del file["embeddings/data"]
        data = file.create_dataset("embeddings/data", data=clips, chunks=(1, 8, 12, 6), compression="gzip")
        data.id.write_direct_chunk((1, 0, 0, 0), b"no chunk")
    split = (0, 1, 2, 3, 5), (4,), (6, 7)
    assert Computed().write(folder, *split) == (2, 0)  # clip 5, clean and augmented
    assert "1 of the found rows and hands cannot be read and are computed again" in caplog.text
    assert contents(folder) == fresh(tmp_path, *split)


def test_a_file_that_cannot_be_read_is_left_out_with_a_warning(folder, caplog):
    (folder / "notes.h5").write_bytes(b"no hdf5")
    assert Computed().write(folder, range(4), range(4, 7), (7,)) == (0, 0)
    assert "notes.h5 cannot be read, no rows are copied from it" in caplog.text


def test_the_log_says_how_many_rows_are_copied_and_computed(folder, caplog):
    with caplog.at_level(logging.INFO):
        Computed().write(folder, (0, 1, 2, 3, 9), (4, 5), (6, 7))
    assert "train.h5: 8 rows copied, 2 computed; hands of 4 clips copied, of 1 searched" in caplog.messages
    assert "train.h5 is written again: its clips, labels or views changed" in caplog.messages
    assert "val.h5 is up to date, skipping" in caplog.messages


def test_rows_of_a_file_that_was_replaced_stay_until_the_last_file_is_written(tmp_path, folder):
    counter, split = Computed(), ((4, 5, 6, 7), (0, 1), (2, 3))
    (train, pending), *_ = counter.plan(*split)
    write_embeddings(folder / f"{train}.h5", pending)  # a kill before the next file is written
    assert counter.rows == 4
    assert Computed().write(folder, *split) == (0, 0)
    assert contents(folder) == fresh(tmp_path, *split)


def test_a_failure_with_another_split_in_between_loses_no_row(tmp_path, folder):
    first, last = ((4, 5, 6, 7), (0, 1), (2, 3)), ((0, 1, 2, 3), (6, 7), (4, 5))
    (train, pending), *_ = Computed().plan(*first)
    write_embeddings(folder / f"{train}.h5", pending)
    assert Computed().write(folder, *last) == (0, 0)  # the augmented rows of 0 to 3 are in the earlier training file
    assert contents(folder) == fresh(tmp_path, *last)


STEPS = [
    {"split": (range(20), range(20, 26), range(26, 30))},
    {"split": (range(5, 28), range(5), (28, 29))},
    {"split": (range(5, 28), range(5), (28, 29)), "views": 4},
    {"split": (range(5, 28), range(5), (28, 29)), "views": 4, "hand_search": {"confidence": 0.5}},
    {"split": (range(3, 40, 2), range(0, 30, 2), (1,)), "views": 3, "hand_search": {"confidence": 0.5}},
    {"split": (range(10), range(30, 33), ()), "views": 3, "contract": {"precision": "bfloat16"}},
]


def test_ten_kills_across_a_sequence_of_changes_end_with_the_files_of_an_undisturbed_run(tmp_path):
    undisturbed = tmp_path / "undisturbed"
    started = time.monotonic()
    for step in STEPS:
        Computed(0.01).write(undisturbed, *step["split"], **{n: v for n, v in step.items() if n != "split"})
    longest = (time.monotonic() - started) / len(STEPS)
    moments, kills = random.Random(3), 0
    for step in STEPS:
        header = {name: value for name, value in step.items() if name != "split"}
        while True:
            child = os.fork()
            if child == 0:
                try:
                    Computed(0.01).write(tmp_path / "killed", *step["split"], **header)
                finally:
                    os._exit(0)
            if kills < 10 and moments.random() < 0.8:
                time.sleep(moments.uniform(0, longest))
                os.kill(child, signal.SIGKILL)
                kills += 1
            _, status = os.waitpid(child, 0)
            if os.WIFEXITED(status):
                break
    assert kills == 10
    assert contents(tmp_path / "killed") == contents(undisturbed)
