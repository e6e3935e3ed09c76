import shutil

import pandas as pd

from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.dataset.sequences import build_sequences
from hand_gestures.dataset.split_table import SPLIT_COLUMNS, make_split_table, summarise_sides
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


def test_lists_go_before_fractions_and_what_they_leave_out_stays_out_of_the_random_split():
    sequences = alone({"wave": 10, "fist": 10})
    listed = pd.Series("train", index=sequences["sequence_id"][:19])
    listed[["wave/v0", "wave/v1", "fist/v0", "fist/v1"]] = "val"
    split = make_split_table(sequences, 0.9, 0.0, 1, listed).set_index("sequence_id")
    assert set(split.index[split["side"] == "val"]) == {"wave/v0", "wave/v1", "fist/v0", "fist/v1"}
    assert list(split.index[split["random_side"] == "left_out"]) == ["fist/v9"]
    assert (split["random_side"] == "val").sum() == 4


def test_the_size_of_each_side_is_told():
    split = make_split_table(by_performer(5, classes=3, takes=2), 0.2, 0.0, 1)
    assert summarise_sides(split, split["side"]) == {
        "train": {"sequences": 24, "groups": 4, "classes": 3},
        "val": {"sequences": 6, "groups": 1, "classes": 3},
        "test": {"sequences": 0, "groups": 0, "classes": 0},
    }


def test_two_shuffled_copies_of_a_tree_are_split_alike(two_classes, write_frame, tmp_path):
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
