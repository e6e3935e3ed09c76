"""Generated groups: they stay whole, and every class keeps training clips."""

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hand_gestures.dataset.sequences import build_sequences, sample_indices
from hand_gestures.dataset.split_table import fold_splits, leave_one_group_out, make_split_table
from hand_gestures.utils.errors import HandGesturesError
from small_sequences import FIXED, sequence_table


def tables_of(classes):
    return st.lists(st.lists(st.integers(0, 4), min_size=classes, max_size=classes), min_size=1, max_size=12)


# How many clips of each class each group shows; at least one clip.
shows = st.integers(1, 5).flatmap(tables_of).filter(lambda counts: any(map(any, counts)))
fractions = st.sampled_from([0.05, 0.2, 0.5, 0.8])


def sequences_of(counts):
    return sequence_table(
        [
            (f"class{c}", f"g{g}-{n}", f"g{g}")
            for g, row in enumerate(counts)
            for c, clips in enumerate(row)
            for n in range(clips)
        ]
    )


def can_validate(sequences):
    """Whether all classes of some group are also shown by another group."""
    groups = sequences.groupby("class_name")["group"].nunique()
    return (sequences["class_name"].map(groups) > 1).groupby(sequences["group"]).all().any()


@FIXED
@given(shows, fractions, st.sampled_from([0.0, 0.1]), st.integers(0, 3))
@example([[1, 1]], 0.2, 0.0, 0)
def test_groups_are_never_divided_and_every_class_keeps_a_training_group(counts, val_fraction, test_fraction, seed):
    sequences = sequences_of(counts)
    if not can_validate(sequences):
        with pytest.raises(HandGesturesError, match="at least two groups"):
            make_split_table(sequences, val_fraction, test_fraction, seed)
        return
    split = make_split_table(sequences, val_fraction, test_fraction, seed)
    assert sorted(split["sequence_id"]) == sorted(sequences["sequence_id"])
    assert split.groupby("group")["side"].nunique().max() == 1
    assert set(split["class_name"][split["side"] == "train"]) == set(split["class_name"])
    assert set(split["class_name"][split["random_side"] == "train"]) == set(split["class_name"])
    assert (split["side"] == "val").any()
    assert make_split_table(sequences.sample(frac=1, random_state=seed), val_fraction, test_fraction, seed).equals(
        split
    )


@FIXED
@given(shows)
def test_each_fold_keeps_its_group_out_of_training(counts):
    split = sequences_of(counts).assign(side="train")
    folds = leave_one_group_out(split)
    assert len(folds) == (split["group"].nunique() if split["group"].nunique() > 1 else 0)
    for fold in folds.itertuples():
        sides = fold_splits(split, fold.group)
        assert fold.group not in set(split["group"][sides == "train"])
        assert set(split["class_name"][sides == "val"]) <= set(split["class_name"][sides == "train"])
        assert ((sides == "train").sum(), (sides == "val").sum()) == (fold.train_sequences, fold.val_sequences)


@FIXED
@given(st.integers(1, 500), st.integers(1, 64))
def test_sampled_indices_are_ascending_and_in_range(available, wanted):
    indices = sample_indices(available, wanted)
    assert len(indices) == wanted
    assert indices[0] == 0
    assert (indices[1:] >= indices[:-1]).all()
    assert indices[-1] < available
    assert len(set(indices)) == min(available, wanted)


@FIXED
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), st.integers(1, 70)))
def test_every_video_becomes_one_sequence_of_its_own_frames(videos):
    rows = [("wave", video, n, f"{video}#{n}") for video, frames in videos.items() for n in range(frames)]
    frames = pd.DataFrame(rows, columns=["class_name", "video_id", "frame_number", "path"])
    sequences = build_sequences(frames.sample(frac=1, random_state=0), 32, None)
    assert dict(zip(sequences["video_id"], sequences["available"], strict=True)) == videos
    for video, paths in zip(sequences["video_id"], sequences["frames"], strict=True):
        numbers = [int(path.removeprefix(f"{video}#")) for path in paths]
        assert numbers == sorted(numbers)
