import logging
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from hand_gestures.dataset.split_assignment import assign_splits, warn_about_missing_classes
from hand_gestures.utils.errors import HandGesturesError
from small_sequences import alone, by_performer, sequence_table


class Split(NamedTuple):
    train: pd.DataFrame
    val: pd.DataFrame
    test: pd.DataFrame


def split_sequences(sequences, val_fraction, seed, test_fraction=0.0):
    sides = assign_splits(sequences, val_fraction, test_fraction, seed)
    warn_about_missing_classes(sequences["class_name"], sides)
    return Split(*(sequences[sides == side].sort_values("sequence_id", ignore_index=True) for side in Split._fields))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "sequences",
    [alone({"wave": 10, "fist": 7, "open": 33}), by_performer(8), by_performer(5, classes=2, takes=1)],
    ids=["videos", "performers", "few performers"],
)
def test_splits_are_disjoint_and_complete(sequences, seed):
    train, val, _ = split_sequences(sequences, 0.2, seed)
    train_ids, val_ids = set(train["sequence_id"]), set(val["sequence_id"])
    assert not train_ids & val_ids
    assert train_ids | val_ids == set(sequences["sequence_id"])
    assert len(train) + len(val) == len(sequences)
    assert set(train["class_name"]) == set(val["class_name"]) == set(sequences["class_name"])


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_in_both_splits(seed):
    train, val, _ = split_sequences(by_performer(9), 0.3, seed)
    assert not set(train["group"]) & set(val["group"])
    assert len(val) > 0


@pytest.mark.parametrize("sequences", [alone({"wave": 10, "fist": 7}), by_performer(8)], ids=["videos", "performers"])
def test_the_order_of_the_table_does_not_matter(sequences):
    expected = split_sequences(sequences, 0.2, 1)
    for shuffle in range(3):
        split = split_sequences(sequences.sample(frac=1, random_state=shuffle), 0.2, 1)
        assert split.train.equals(expected.train)
        assert split.val.equals(expected.val)


def test_another_seed_gives_another_split():
    sequences = by_performer(10)
    chosen = {tuple(split_sequences(sequences, 0.2, seed).val["group"].unique()) for seed in range(8)}
    assert len(chosen) >= 4


def test_splits_have_the_index_of_the_rows():
    sequences = alone({"wave": 10, "fist": 7})
    plain = assign_splits(sequences, 0.2, 0.2, 1)
    moved = assign_splits(sequences.set_index(pd.Index(range(100, 117))).iloc[::-1], 0.2, 0.2, 1)
    assert list(moved.iloc[::-1]) == list(plain)
    assert list(moved.index) == list(range(116, 99, -1))


@pytest.mark.parametrize(
    ("clips", "fraction", "in_val"),
    [(10, 0.2, 2), (100, 0.2, 20), (20, 0.25, 5), (7, 0.2, 1), (8, 0.2, 2), (2, 0.2, 1), (3, 0.1, 1), (10, 0.5, 5)],
)
def test_each_class_has_its_share_in_validation(clips, fraction, in_val):
    sequences = alone({"wave": clips, "fist": clips, "open": 40})
    val = split_sequences(sequences, fraction, 5).val
    counts = val["class_name"].value_counts()
    assert counts["wave"] == counts["fist"] == in_val
    assert counts["open"] == round(40 * fraction)


def test_the_share_is_met_where_groups_have_all_classes():
    sequences = by_performer(10, classes=6, takes=3)
    val = split_sequences(sequences, 0.2, 3).val
    assert val["group"].nunique() == 2
    assert set(val["class_name"].value_counts()) == {6}


@pytest.mark.parametrize("seed", range(5))
def test_every_class_keeps_a_training_group(seed):
    train = split_sequences(alone({"wave": 2, "fist": 3}), 0.95, seed).train
    assert set(train["class_name"]) == {"wave", "fist"}


def test_a_class_with_one_sequence_stays_in_training_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        train, val, _ = split_sequences(alone({"wave": 10, "rare": 1, "fist": 10}), 0.2, 1)
    assert "rare" in set(train["class_name"])
    assert set(val["class_name"]) == {"wave", "fist"}
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith(
        "1 of 3 classes stay in training because no group could be spared for the validation split"
    )
    assert warning.endswith(": rare")


def test_classes_with_several_groups_cause_no_warning(caplog):
    split_sequences(alone({"wave": 10, "fist": 10}), 0.2, 1)
    assert not caplog.records


@pytest.mark.parametrize("seed", range(5))
def test_a_class_with_one_group_and_that_group_stay_in_training(caplog, seed):
    takes = [("rare", f"p00-{n}", "p00") for n in range(4)]
    sequences = pd.concat([by_performer(8), sequence_table(takes)], ignore_index=True)
    train, val, _ = split_sequences(sequences, 0.3, seed)
    assert (train["class_name"] == "rare").sum() == 4
    assert (train["group"] == "p00").sum() == (sequences["group"] == "p00").sum()
    assert len(val) > 0
    assert "rare" in caplog.text


@pytest.mark.parametrize(
    "sequences",
    [
        alone({"wave": 1, "fist": 1}),
        by_performer(1),
        sequence_table([("wave", "a", "p1"), ("wave", "b", "p1"), ("fist", "c", "p2"), ("fist", "d", "p2")]),
    ],
    ids=["one clip a class", "one performer", "a performer a class"],
)
def test_an_error_names_the_remedy_where_no_group_can_validate(sequences):
    remedy = r"add recordings, say in split\.lists .*, or set split\.group_pattern to null"
    with pytest.raises(HandGesturesError, match=remedy) as caught:
        split_sequences(sequences, 0.2, 1)
    message = str(caught.value)
    assert all(name in message for name in set(sequences["class_name"]))
    assert "\n" not in message


@pytest.mark.parametrize("seed", range(5))
def test_two_performers_are_enough(seed):
    rows = [(name, f"{who}-{n}", who) for name in ("fist", "wave") for who in ("p1", "p2") for n in range(10)]
    train, val, _ = split_sequences(sequence_table(rows), 0.2, seed)
    assert train["group"].nunique() == val["group"].nunique() == 1


def test_a_group_may_validate_if_another_group_of_its_class_must_train():
    sequences = sequence_table([("wave", "a", "p1"), ("wave", "b", "p2"), ("rare", "c", "p1")])
    assert list(split_sequences(sequences, 0.2, 1).val["sequence_id"]) == ["wave/b"]


def test_groups_that_must_train_count_for_the_share():
    tied = [("wave", f"t{n}", "p0") for n in range(5)] + [("rare", "r", "p0")]
    free = [("wave", f"v{n}", f"p{n}") for n in range(1, 6)]
    assert len(split_sequences(sequence_table(tied + free), 0.2, 1).val) == 2


def test_the_split_of_a_seed_never_changes():
    assert (
        "".join(side[1] for side in assign_splits(by_performer(10, classes=1, takes=1), 0.2, 0.2, 42)) == "arerarrrer"
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_test_split_has_its_own_groups(seed):
    train, val, test = split_sequences(by_performer(10), 0.2, seed, 0.2)
    assert train["group"].nunique() == 6
    assert val["group"].nunique() == test["group"].nunique() == 2
    assert not set(val["group"]) & set(test["group"])
    assert set(test["class_name"]) == set(train["class_name"])


def test_a_class_with_two_groups_validates_and_the_log_names_it_as_missing_in_the_test(caplog):
    sequences = pd.concat([alone({"wave": 12, "fist": 12}), alone({"pair": 2})], ignore_index=True)
    _, val, test = split_sequences(sequences, 0.2, 1, 0.2)
    assert (val["class_name"] == "pair").sum() == 1
    assert "pair" not in set(test["class_name"])
    assert caplog.records[0].getMessage().endswith("for the test split, so its metrics exclude them: pair")


def test_a_name_is_drawn_alike_in_each_unicode_form_of_its_accents():
    composed, decomposed = (by_performer(8).replace("p03", name, regex=True) for name in ("caf\u00e9", "cafe\u0301"))
    assert list(assign_splits(composed, 0.3, 0.2, 1)) == list(assign_splits(decomposed, 0.3, 0.2, 1))


def miss(counts, wanted):
    return ((counts - wanted) ** 2 / wanted).sum()


def best_possible(table, wanted):
    """The least that any set of groups misses the shares by, if it leaves every class a group to train on."""
    counts = table.to_numpy()
    sets = (chosen for size in range(1, len(counts)) for chosen in combinations(range(len(counts)), size))
    kept = ((chosen, np.delete(counts, chosen, axis=0)) for chosen in sets)
    return min(miss(counts[list(chosen)].sum(axis=0), wanted) for chosen, rest in kept if (rest.sum(axis=0) > 0).all())


def test_classes_are_nearly_as_balanced_as_by_the_best_choice_of_groups():
    rng = np.random.default_rng(0)
    optimal = 0
    for seed in range(100):
        clips = rng.integers(1, 6, (7, 3))
        rows = [(f"c{c}", f"g{g}-{n}", f"g{g}") for g in range(7) for c in range(3) for n in range(clips[g, c])]
        sequences = sequence_table(rows)
        table = pd.crosstab(sequences["group"], sequences["class_name"])
        wanted = np.maximum(table.to_numpy().sum(axis=0) * 0.3, 1)
        val = split_sequences(sequences, 0.3, seed).val
        reached = miss(pd.crosstab(val["group"], val["class_name"]).to_numpy().sum(axis=0), wanted)
        optimal += reached <= best_possible(table, wanted) + 1e-9
    assert optimal >= 60
