"""Tens of thousands of classes: tables of groups x classes or classes x classes would take gigabytes."""

import logging

import numpy as np
import pandas as pd

from hand_gestures.dataset import split_assignment
from hand_gestures.dataset.split_table import leave_one_group_out, make_split_table
from limited_memory import limited_memory

CLASSES = 33_000


def sequences(groups=None):
    """Two clips of each class; each clip is a group of its own, or belongs to one of `groups` performers."""
    ids = [f"class{number // 2:05d}/v{number}" for number in range(2 * CLASSES)]
    performers = [f"p{number % groups:05d}" for number in range(2 * CLASSES)] if groups else ids
    names = [name.partition("/")[0] for name in ids]
    return pd.DataFrame({"sequence_id": ids, "class_name": names, "video_id": ids, "group": performers})


def test_a_split_of_very_many_classes_takes_little_memory():
    table = sequences()
    with limited_memory(300):
        split = make_split_table(table, 0.2, 0.0, 42)
    assert (split.groupby("class_name")["side"].agg(sorted) == pd.Series([["train", "val"]] * CLASSES).array).all()


def test_folds_of_very_many_classes_take_little_memory():
    split = sequences(groups=3000).assign(side="train")
    with limited_memory(300):
        folds = leave_one_group_out(split)
    assert len(folds) == 3000
    assert folds["val_sequences"].sum() + folds["untrained_classes"].str.count("class").sum() <= 2 * CLASSES


def test_a_group_is_not_compared_with_the_share_of_each_class_if_it_brings_none_closer(monkeypatch):
    """One sum over all classes for each of a million clips takes minutes."""
    sums = []
    error = split_assignment._error
    monkeypatch.setattr(split_assignment, "_error", lambda *parts: sums.append(1) or error(*parts))
    ids = [f"class{number % 10}/v{number:05d}" for number in range(5000)]
    names = [name.partition("/")[0] for name in ids]
    clips = pd.DataFrame({"class_name": names, "group": ids})
    assert (split_assignment.assign_splits(clips, 0.1, 0.0, 42) == "val").sum() == 500
    assert len(sums) < 600


def test_a_long_exchange_of_groups_says_that_it_is_at_work(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(split_assignment, "SECONDS_BETWEEN_LINES", -1)
    rng = np.random.default_rng(0)
    clips = pd.DataFrame(
        {"class_name": rng.integers(0, 9, 300).astype(str), "group": rng.integers(0, 30, 300).astype(str)}
    )
    split_assignment.assign_splits(clips, 0.2, 0.0, 1)
    assert "choosing groups for the split: 0 exchanges so far" in caplog.text
