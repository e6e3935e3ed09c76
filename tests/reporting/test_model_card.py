"""The model card, from figures and tables as a run makes them."""

import copy
import re
from datetime import UTC, datetime

import pandas as pd
import pytest

from hand_gestures.evaluation.tables import per_class
from hand_gestures.reporting.model_card import model_card
from hand_gestures.reporting.run_summary import record_run, run_note

NAMES = ["fist", "wave"]
PREDICTIONS = pd.DataFrame(
    {"class_name": ["fist", "fist", "wave", "wave"], "predicted": ["fist", "wave", "wave", "wave"]}
)
SPLIT = pd.DataFrame({"class_name": ["fist"] * 3 + ["wave"] * 2 + NAMES, "side": ["train"] * 5 + ["val"] * 2})
VALIDATION = {
    "accuracy": 0.75,
    "accuracy_low": 0.5,
    "accuracy_high": 0.875,
    "accuracy_with_hands": 1.0,
    "accuracy_without_hands": 0.5,
    "clips": 4,
    "classes": 2,
    "clips_without_hands": 2,
    "groups": 2,
    "worst_group": "anna",
    "worst_group_accuracy": 0.5,
    "worst_group_clips": 2,
}
SIDE = {"sequences": 4, "groups": 2, "classes": 2}
LEAKS = {"held_out": 4, "copies": 0, "look_alikes": 3, "groups_on_both_sides": 0}
SIDES = {"train": SIDE, "val": SIDE, "test": dict.fromkeys(SIDE, 0), "leaks": LEAKS}
SUMMARY = {"split": SIDES, "random_split": SIDES}
PARAMETERS = {
    "notice": "Drawn hands only.",
    "seed": 7,
    "network": {"name": "bilstm", "hidden": 64, "layers": 2},
    "channels": {"leave_out": []},
    "training": {"epochs": 3, "views": None, "device": "auto"},
    "evaluation": {"bootstrap_draws": 1000, "confidence_level": 0.9},
    "split": {"lists": None, "group_pattern": r"^(a|b)_", "val_fraction": 0.2, "test_fraction": 0.0},
    "backbones": {"vit": {"name": "owner/vit", "path": None, "licence": "Apache-2.0"}},
    "hands": {"name": "owner/hands", "path": "/home/anna/yolo.pt", "licence": "CC-BY-4.0; AGPL-3.0 for its library"},
}
MODELS = {
    "vit": {"name": "owner/vit", "commit": "c" * 40, "revision": "main", "sha256": "a" * 64},
    "hands": {"name": "yolo.pt", "commit": None, "revision": None, "sha256": "b" * 64},
}
FINGERPRINT = {
    "models": MODELS,
    "precision": "bfloat16",
    "augmentation": {"views": 3, "horizontal_flip": 1.0},
    "mirrored_labels": {"fist": "fist", "wave": "wave"},
}
FILE = {"rows": 20, "sequences": 5, "groups": 2, "shape": [20, 32, 12, 768], "digest": "0123456789ab"}
FILE |= {"rows_by_class": dict.fromkeys(NAMES, 10), "fingerprint": FINGERPRINT}
DECISION = {"sentence": "hand_gestures version 2 is the new champion: accuracy 0.750, loss 0.5"}
TESTED = {"accuracy": 0.5, "clips": 2, "classes": 2}


def card(predictions=PREDICTIONS, names=NAMES, test=None, file=FILE, clips=SPLIT, **parameters):
    history = pd.DataFrame({"epoch": [1, 2], "val_accuracy": [0.5, 0.75], "val_loss": [1.0, 0.9]})
    tracked = {"name": "bilstm seed 7", "id": "0123456789abcdef"}
    record = record_run(PARAMETERS | parameters, history, tracked, datetime(2026, 3, 4, 5, 6, tzinfo=UTC))
    by_class = per_class(predictions, names)
    files = {"train": file, "validation": file}
    of_test = by_class if test else by_class.head(0)
    return model_card(record, DECISION, files, clips, SUMMARY, VALIDATION, test or {}, by_class, of_test)


def rows(text, first):
    """Cells of the rows of all tables that begin with this cell."""
    found = [re.split(r" (?<!\\)\| ", line.strip("| \n")) for line in text.splitlines() if line.startswith("| ")]
    return [cells[1:] for cells in found if cells[0] == first]


def test_the_card_tells_the_figures_with_their_intervals_and_what_they_rest_on():
    text = card()
    assert "It recognises 3 of 4 validation clips." in text
    assert "validation accuracy: 0.750 (90 % interval 0.500 to 0.875, over 2 groups)" in text
    assert rows(text, "accuracy") == [["0.750", "0.500 to 0.875"]]
    assert rows(text, "`fist`") == [["3", "2", "0.500", "1.000", "0.667", "`wave` (1)"]]
    assert "> Drawn hands only." in text
    assert rows(text, "MLflow run") == [["bilstm seed 7, 01234567"]]
    assert rows(text, "registry") == [[DECISION["sentence"]]]


def test_the_card_tells_data_split_and_training():
    text = card()
    assert "About 20 % of the clips of each class validate, whole groups at a time" in text
    assert "`^(a|b)_`" in text.replace(r"\|", "|")
    assert "On 4 views of each training clip" in text
    assert rows(text, "training.epochs") == [["3"]]
    assert rows(text, "training.device") == []  # how fast, not what


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"lists": "/home/anna/lists.csv"}, "Published lists say which clips train"),
        (
            {"group_pattern": None, "test_fraction": 0.1},
            "10 % are kept for the test, clip by clip: clips of one person",
        ),
    ],
)
def test_the_card_tells_another_split(split, said):
    text = card(split=PARAMETERS["split"] | split)
    assert said in text
    assert "whole groups" not in text
    assert "/home" not in text


def test_the_card_tells_the_licences_of_the_very_models_that_were_used():
    text = card()
    assert rows(text, "vit") == [["owner/vit", "c" * 40, "Apache-2.0", "a" * 64]]
    assert rows(text, "hands") == [["yolo.pt", "local file", "CC-BY-4.0; AGPL-3.0 for its library", "b" * 64]]
    other = copy.deepcopy(FILE)
    other["fingerprint"]["models"]["vit"]["name"] = "someone/else"
    assert rows(card(file=other), "vit") == [["someone/else", "c" * 40, "unknown", "a" * 64]]


def test_the_limits_are_those_of_the_run():
    limits = card().partition("## Limits")[2].partition("##")[0]
    assert "- The best epoch was chosen on the validation clips" in limits
    assert "- No clips were kept apart for a test" in limits
    assert "- 3 of 4 held-out clips have a copy or a look-alike" in limits
    assert "- In 2 validation clips no hand was found; the accuracy over these is 0.500." in limits
    assert "mirror images, and that they show the same gesture (all of them)" in limits
    file = copy.deepcopy(FILE)
    file["fingerprint"]["mirrored_labels"] = {"fist": "fist", "left": "right", "right": "left"}
    assert "become each other: `left` and `right`)" in card(file=file)
    file["fingerprint"]["augmentation"]["views"] = 0
    assert "mirror" not in card(file=file)


def test_a_test_stands_beside_the_validation():
    text = card(test=TESTED)
    assert "and 1 of 2 test clips" in text
    assert rows(text, "`fist`")[0][-2:] == ["2", "0.500"]
    assert "Nothing was chosen on the test clips." in text


def test_names_of_classes_mean_nothing_to_markdown():
    names = ["a|b", "*c* <b>`"]
    predictions = pd.DataFrame({"class_name": names, "predicted": names[::-1]})
    clips = pd.DataFrame({"class_name": names, "side": "train"})
    text = card(predictions, names, clips=clips)
    assert rows(text, r"`a\|b`") == [["1", "1", "0.000", "0.000", "0.000", "`*c* <b>'` (1)"]]
    heads = [line.count("|") for line in text.splitlines() if line.startswith("| class |")]
    assert heads == [line.replace(r"\|", "").count("|") for line in text.splitlines() if line.startswith(r"| `a\|b`")]


def test_the_note_of_a_run_tells_what_is_known():
    assert run_note({"evaluation": TESTED}, 0.9, None) == "**validation accuracy 0.500 (over 2 clips; no interval)**\n"
    results = {"evaluation": VALIDATION, "dataset_fingerprint": {"train": FILE, "validation": FILE | {"groups": None}}}
    note = run_note(results | {"registry_decision": DECISION}, 0.9, "Drawn hands only.")
    assert note.startswith("**validation accuracy 0.750 (90 % interval 0.500 to 0.875, over 2 groups)**\n\n- ")
    assert "- data: 5 clips of 2 groups train, 5 clips validate; 2 classes\n" in note
    assert note.endswith(f"- registry: {DECISION['sentence']}\n\n_Drawn hands only._")
