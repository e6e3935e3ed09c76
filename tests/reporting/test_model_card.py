import itertools
import re
import socket

import pandas as pd
import pytest
from huggingface_hub import ModelCard

from hand_gestures.evaluation.tables import per_class
from hand_gestures.reporting.model_card import model_card
from run_results import LEAKS, PARAMETERS, SIZES, VALIDATION, class_summary, files, record, run_results

NAMES = ["fist", "wave"]
PREDICTIONS = pd.DataFrame(
    {"class_name": ["fist", "fist", "wave", "wave"], "predicted": ["fist", "wave", "wave", "wave"]}
)
SMALL = {"clips": 4, "clips_without_hands": 2, "groups": 2, "worst_group_accuracy": 0.5, "worst_group_clips": 2}
TESTED = {"accuracy": 0.5, "clips": 2, "classes": 2}
FOUR = SIZES | {"sequences": 4, "groups": 2}
SPLIT = {"train": FOUR, "val": FOUR, "test": dict.fromkeys(FOUR, 0), "leaks": LEAKS | {"held_out": 4, "look_alikes": 3}}
MODELS = {
    "vit": {"name": "owner/vit", "commit": "c" * 40, "revision": "main", "sha256": "a" * 64},
    "hands": {"name": "yolo.pt", "commit": None, "revision": None, "sha256": "b" * 64},
}
USED = {
    "notice": "Drawn hands only.",
    "split": {"lists": None, "group_pattern": r"^(a|b)_", "val_fraction": 0.2, "test_fraction": 0.0},
    "backbones": {"vit": {"name": "owner/vit", "path": None, "licence": "Apache-2.0"}},
    "hands": PARAMETERS["hands"] | {"path": "/home/anna/yolo.pt", "licence": "CC-BY-4.0; AGPL-3.0 for its library"},
}
DECISION = {"sentence": "hand_gestures version 2 is the new champion: accuracy 0.750, loss 0.5"}


def card(predictions=PREDICTIONS, names=NAMES, test=None, described=None, metrics=None, embeddings=None, **parameters):
    by_class = per_class(predictions, names)
    history = record(tracked={"name": "bilstm seed 7", "id": "0123456789abcdef"}, **(USED | parameters))
    made = {"contract": {"precision": "bfloat16"}, "provenance": {"models": MODELS}} | (described or {})
    results = run_results(
        evaluation=VALIDATION | SMALL | (metrics or {}),
        test_evaluation=test or {},
        run_record=history,
        registry_decision=DECISION,
        embeddings_description=embeddings or files(**made, rows=20, sequences=5),
        split_summary={"split": SPLIT, "random_split": SPLIT},
        per_class=by_class,
        test_per_class=by_class if test else by_class.head(0),
        class_summary=class_summary([*names, "(all)"], train=[3, 2, 5] if names == NAMES else 1),
    )
    return model_card(results)


def rows(text, first):
    """Cells of the rows of all tables that begin with this cell."""
    found = [re.split(r" (?<!\\)\| ", line.strip("| \n")) for line in text.splitlines() if line.startswith("| ")]
    return [cells[1:] for cells in found if cells[0] == first]


def test_the_card_has_metrics_with_their_intervals_and_numbers_of_clips():
    text = card()
    assert "It recognises 3 of 4 validation clips." in text
    assert "validation accuracy: 0.750 (90 % interval 0.500 to 0.875, over 2 groups)" in text
    assert rows(text, "accuracy") == [["0.750", "0.500 to 0.875"]]
    assert rows(text, "`fist`") == [["3", "2", "0.500", "1.000", "0.667", "`wave` (1)"]]
    assert "> Drawn hands only." in text
    assert rows(text, "MLflow run") == [["bilstm seed 7, 01234567"]]
    assert rows(text, "registry") == [[DECISION["sentence"]]]


def test_the_card_has_chance_and_the_most_frequent_class_beside_the_accuracy_but_not_as_metrics_of_the_model():
    text = card(metrics={"chance_accuracy": 0.5, "majority_accuracy": 0.75, "exact_intervals": []})
    assert "- by chance: 0.500, always the most frequent class 0.750; the model is no better\n" in text
    assert rows(text, "always the most frequent class") == [["0.750"]]
    assert "- The model is no better than always answering the most frequent class" in text
    names = {result.metric_type for result in ModelCard(text).data.eval_results}
    assert "accuracy" in names
    assert not {"chance_accuracy", "majority_accuracy", "exact_intervals"} & names


def test_the_card_describes_data_split_and_training():
    text = card()
    assert "About 20 % of the clips of each class validate, whole groups at a time" in text
    assert "`^(a|b)_`" in text.replace(r"\|", "|")
    assert "On 4 views of each training clip" in text
    assert rows(text, "training.epochs") == [["3"]]
    assert rows(text, "training.device") == []  # how fast, not what


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        ({"lists": "/home/anna/lists.csv"}, "Published lists say which clips train"),
        (
            {"group_pattern": None, "test_fraction": 0.1},
            "10 % are kept for the test, clip by clip: clips of one person",
        ),
    ],
)
def test_the_card_describes_another_split(split, sentence):
    text = card(split=USED["split"] | split)
    assert sentence in text
    assert "whole groups" not in text
    assert "/home" not in text


def test_the_card_has_the_licences_of_exactly_the_models_that_were_used():
    text = card()
    assert rows(text, "vit") == [["owner/vit", "c" * 40, "Apache-2.0", "a" * 64]]
    assert rows(text, "hands") == [["yolo.pt", "local file", "CC-BY-4.0; AGPL-3.0 for its library", "b" * 64]]
    other = {"provenance": {"models": MODELS | {"vit": MODELS["vit"] | {"name": "someone/else"}}}}
    assert rows(card(described=other), "vit") == [["someone/else", "c" * 40, "unknown", "a" * 64]]


def test_the_limits_are_those_of_the_run():
    limits = card().partition("## Limits")[2].partition("##")[0]
    assert "- The best epoch was chosen on the validation clips" in limits
    assert "- No clips were kept for a test" in limits
    assert "- 3 of 4 held-out clips have a copy or a look-alike" in limits
    assert "- In 2 validation clips no hand was found; the accuracy over these is 0.500." in limits
    assert "mirror images as examples of the same gesture (all of them)" in limits
    swapped = {"recipe": {"mirrored_labels": {"fist": "fist", "left": "right", "right": "left"}}}
    assert "become each other: `left` and `right`)" in card(described=swapped)
    assert "- A mirror does not change the class of fist." in limits
    assert "- The mirror audit is undecided (the evidence is weak) and" in limits
    assert "mirror" not in card(described={"recipe": {"augmentation": {"views": 0, "horizontal_flip": 1.0}}})
    without_views = files(provenance={"models": MODELS}, rows=20, sequences=20)
    without_views["train"]["recipe"] = {}
    assert "mirror" not in card(embeddings=without_views)


def test_a_test_is_beside_the_validation():
    text = card(test=TESTED)
    assert "and 1 of 2 test clips" in text
    assert rows(text, "`fist`")[0][-2:] == ["2", "0.500"]
    assert "Nothing was chosen on the test clips." in text


def test_names_of_classes_are_no_markdown():
    names = ["a|b", "*c* <b>`"]
    predictions = pd.DataFrame({"class_name": names, "predicted": names[::-1]})
    text = card(predictions, names)
    assert rows(text, r"`a\|b`") == [["1", "1", "0.000", "0.000", "0.000", "`*c* <b>'` (1)"]]
    heads = [line.count("|") for line in text.splitlines() if line.startswith("| class |")]
    assert heads == [line.replace(r"\|", "").count("|") for line in text.splitlines() if line.startswith(r"| `a\|b`")]


def test_markdown_knows_where_lists_and_tables_begin():
    text = ModelCard(card(test=TESTED)).text
    assert "\n\n\n" not in text
    for before, line in itertools.pairwise(text.splitlines()):
        for start in ("- ", "| ", "#"):
            if line.startswith(start) and not before.startswith(start):
                assert before == "", line


def test_the_metadata_hold_the_metrics_of_both_splits():
    data = ModelCard(card(test=TESTED)).data
    assert (data.library_name, data.model_name, data.pipeline_tag) == (
        "hand_gestures",
        "hand_gestures",
        "video-classification",
    )
    measured = {(result.dataset_split, result.metric_type): result.metric_value for result in data.eval_results}
    assert measured[("validation", "accuracy")] == 0.75
    assert measured[("test", "accuracy")] == 0.5
    assert not {"clips", "groups", "worst_group", "accuracy_low"} & {name for _, name in measured}
    first = data.eval_results[0]
    assert first.metric_name == "accuracy"
    assert first.metric_args == {"interval": [0.5, 0.875], "level": 0.9}


def test_the_metadata_name_licences_and_published_models_but_no_local_file():
    data = ModelCard(card()).data
    assert data.license == "other"
    assert data.license_name == (
        "not stated for the clips; pretrained models: vit (Apache-2.0), hands (CC-BY-4.0; AGPL-3.0 for its library)"
    )
    assert data.base_model == ["owner/vit"]


def test_metadata_stay_metadata_whatever_a_class_set_is_called():
    odd = "accuracy_a: [b]\n---\n# c"
    data = ModelCard(card(metrics={odd: 0.25})).data
    assert 0.25 in [result.metric_value for result in data.eval_results]


def test_the_card_needs_no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the card asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert card().startswith("---\n")
