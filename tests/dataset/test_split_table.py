import json
import logging
import shutil

import pandas as pd

from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.dataset.sequences import build_sequences
from hand_gestures.dataset.split_table import (
    SPLIT_COLUMNS,
    count_groups,
    leave_one_group_out,
    make_split_table,
    select_sequences,
    summarise_splits,
)
from small_sequences import alone, by_performer


def test_one_row_a_sequence_in_order_of_names():
    split = make_split_table(by_performer(6).sample(frac=1, random_state=0), 0.3, 0.2, 1)
    assert list(split.columns) == SPLIT_COLUMNS
    assert split["sequence_id"].is_monotonic_increasing
    assert split["sequence_id"].is_unique
    assert set(split["side"]) == set(split["random_side"]) == {"train", "val", "test"}


def test_the_random_split_has_the_same_shares_and_ignores_groups():
    split = make_split_table(by_performer(10, classes=4, takes=5), 0.2, 0.0, 1)
    assert (split["random_side"] == "val").sum() == (split["side"] == "val").sum() == 40
    assert split.groupby("group")["side"].nunique().max() == 1
    assert split.groupby("group")["random_side"].nunique().min() == 2


def test_beside_a_test_split_the_random_split_trains_on_as_many_clips_and_leaves_the_test_alone():
    split = make_split_table(by_performer(12, classes=4, takes=5), 0.2, 0.25, 1)
    tested = split["side"] == "test"
    assert tested.sum() == 60
    assert (tested == (split["random_side"] == "test")).all()
    assert split["random_side"].value_counts().to_dict() == split["side"].value_counts().to_dict()
    assert split[~tested].groupby("group")["random_side"].nunique().min() == 2


def test_lists_replace_fractions_and_unlisted_sequences_are_in_no_random_split():
    sequences = alone({"wave": 10, "fist": 10})
    listed = pd.Series("train", index=sequences["sequence_id"][:19])
    listed[["wave/v0", "wave/v1", "fist/v0", "fist/v1"]] = "val"
    split = make_split_table(sequences, 0.9, 0.0, 1, listed).set_index("sequence_id")
    assert set(split.index[split["side"] == "val"]) == {"wave/v0", "wave/v1", "fist/v0", "fist/v1"}
    assert list(split.index[split["random_side"] == "left_out"]) == ["fist/v9"]
    assert (split["random_side"] == "val").sum() == 4


def test_sequences_groups_and_classes_of_each_split_are_counted():
    split = make_split_table(by_performer(5, classes=3, takes=2), 0.2, 0.0, 1)
    assert summarise_splits(split)["split"] == {
        "train": {"sequences": 24, "groups": 4, "classes": 3},
        "val": {"sequences": 6, "groups": 1, "classes": 3},
        "test": {"sequences": 0, "groups": 0, "classes": 0},
    }
    random_split = summarise_splits(split)["random_split"]
    assert [random_split[name]["sequences"] for name in ("train", "val", "test")] == [24, 6, 0]


def test_groups_are_known_with_one_clip_per_performer():
    """Each performer shows one class once: `group` is unique, but it is not the sequence id."""
    sequences = by_performer(8, classes=1, takes=1)
    split = make_split_table(sequences, 0.25, 0.0, 1)
    validates = split["sequence_id"][split["side"] == "val"]
    assert split["group"].is_unique
    assert count_groups(split, validates) == len(validates) == 2
    assert count_groups(split, split["sequence_id"]) == 8
    assert summarise_splits(split)["split"]["val"]["groups"] == 2
    assert summarise_splits(split)["random_split"]["val"]["groups"] == 2
    assert list(leave_one_group_out(split)["group"]) == sorted(split["group"])


def test_groups_are_unknown_where_every_video_is_its_own_group():
    split = make_split_table(alone({"wave": 10, "fist": 10}), 0.2, 0.0, 1)
    assert count_groups(split, split["sequence_id"]) is None
    assert count_groups(split, split["sequence_id"][:3]) is None
    summary = summarise_splits(split)
    assert [summary["split"][name]["groups"] for name in ("train", "val", "test")] == [None, None, None]
    assert summary["random_split"]["val"]["groups"] is None
    assert '"groups": null' in json.dumps(summary)


def test_sequences_of_a_part_of_the_table_come_in_its_order():
    sequences = by_performer(4, classes=2).sample(frac=1, random_state=1)
    split = make_split_table(sequences, 0.25, 0.0, 1)
    part = split[split["side"] == "val"]
    selected = select_sequences(sequences, part)
    assert list(selected["sequence_id"]) == list(part["sequence_id"])
    assert list(selected.index) == list(range(len(part)))


def test_the_size_of_each_split_is_logged_with_its_groups_where_they_are_known(caplog):
    with caplog.at_level(logging.INFO):
        make_split_table(by_performer(5, classes=3, takes=2), 0.2, 0.0, 1)
        make_split_table(alone({"wave": 10, "fist": 10}), 0.2, 0.0, 1)
    assert [record.getMessage() for record in caplog.records] == [
        "train split: 24 sequences of 4 groups",
        "val split: 6 sequences of 1 group",
        "train split: 16 sequences",
        "val split: 4 sequences",
    ]


def test_copies_of_a_folder_are_split_alike_whatever_the_order_of_its_files(two_classes, write_frame, tmp_path):
    for number in range(60):
        write_frame(f"{('fist', 'wave', 'palm')[number % 3]}/p{number // 6}-clip{number}_frame_{number}.jpg")
    files = [path.relative_to(two_classes) for path in sorted(two_classes.rglob("*.jpg"))]
    splits = []
    for copy, order in (("one", files), ("two", files[::-1]), ("three", files[1::2] + files[::2])):
        for file in order:
            (tmp_path / copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(two_classes / file, tmp_path / copy / file)
        sequences = build_sequences(catalog_frames(tmp_path / copy).frames, 4, r"^(p\d+)-")
        splits.append(make_split_table(sequences, 0.3, 0.1, 7))
    assert set(splits[0]["side"]) == {"train", "val", "test"}
    assert splits[0].equals(splits[1])
    assert splits[0].equals(splits[2])
