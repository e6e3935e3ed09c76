"""The sections of a run's report, from tables as the run makes them."""

import copy
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hand_gestures.embedding.hand_tables import hand_rates
from hand_gestures.evaluation import tables as score_tables
from hand_gestures.reporting import report as dataset_sections
from hand_gestures.reporting import report as report_sections
from hand_gestures.reporting import report as results_section
from hand_gestures.reporting.html import Figure, Notes, Pictures, Table, Text, render_report
from hand_gestures.reporting.run_summary import NO_GROUPS, caveats, record_run
from html_page import Page, body

DECISION = {"decision": "registered", "sentence": "hand_gestures version 3 is the first champion: accuracy 0.750"}
VALIDATION = {
    "accuracy": 0.75,
    "accuracy_low": 0.5,
    "accuracy_high": 0.875,
    "macro_f1": 0.7,
    "accuracy_direction_only": 0.6,
    "accuracy_without_hands": 0.5,
    "clips": 40,
    "classes": 2,
    "clips_without_hands": 4,
    "groups": 6,
    "worst_group": "anna",
    "worst_group_accuracy": 0.25,
    "worst_group_clips": 4,
}
TEST = {"accuracy": 0.5, "accuracy_low": 0.25, "accuracy_high": 0.75, "top5_accuracy": 0.9, "clips": 8, "classes": 2}
SIDE = {"sequences": 40, "groups": 6, "classes": 2}
LEAKS = {"held_out": 40, "copies": 0, "look_alikes": 0, "groups_on_both_sides": 0}
SPLIT = {
    "split": {"train": SIDE, "val": SIDE, "test": dict.fromkeys(SIDE, 0), "leaks": LEAKS},
    "random_split": {"train": SIDE, "val": SIDE, "test": SIDE, "leaks": LEAKS | {"look_alikes": 30}},
}
PARAMETERS = {
    "notice": None,
    "seed": 7,
    "network": {"name": "bilstm", "hidden": 64, "layers": 2},
    "training": {"epochs": 3, "patience": None, "learning_rate": 0.004},
    "evaluation": {"bootstrap_draws": 1000, "confidence_level": 0.9, "class_sets": {}},
    "clips": {"frames": 32},
    "split": {"lists": "/home/anna/lists.csv", "group_pattern": r"^(\w+)"},
    "augmentation": {"views": 1},
    "extraction": {"precision": "auto"},
    "hands": {"enabled": True, "name": "owner/hands", "path": None, "licence": "CC-BY-4.0"},
    "backbones": {"vit": {"name": "owner/vit", "path": "/home/anna/models/vit", "licence": "Apache-2.0"}},
}
HISTORY = pd.DataFrame({"epoch": [1, 2], "val_accuracy": [0.5, 0.75], "val_loss": [1.0, 0.9]})


def record(epochs=2, tracked=None, **parameters):
    tracked = {"name": "modeling", "id": "0123456789abcdef"} if tracked is None else tracked
    ended = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    return record_run(PARAMETERS | parameters, HISTORY.head(epochs), tracked, ended)


def answers(wrong=1, groups=("anna", "ben"), clips=4):
    names = ["fist", "wave"] * clips
    table = pd.DataFrame({"class_name": names, "group": (list(groups) * 2 * clips)[: 2 * clips]})
    table["sequence_id"] = [f"{name}/{place}" for place, name in enumerate(names)]
    table["predicted"] = ["wave" if name == "fist" and place < 2 * wrong else name for place, name in enumerate(names)]
    return table.assign(correct=table["predicted"] == table["class_name"])


NOTHING = answers().head(0)


def described(**changes):
    fingerprint = {
        "precision": "float32",
        "models": {
            "vit": {"name": "vit", "commit": None, "revision": "main", "sha256": "a" * 64},
            "hands": {"name": "yolo.pt", "commit": None, "revision": None, "sha256": "b" * 64},
        },
    }
    file = {"file": "x.h5", "rows": 80, "sequences": 40, "shape": [80, 32, 12, 192], "digest": "0123456789ab"}
    file |= {"rows_by_class": {"fist": 40, "wave": 40}, "fingerprint": fingerprint, "precision_error": {}}
    return copy.deepcopy(file) | changes


def rates(found=1.0, sides=("train", "val")):
    clips = [(side, f"{name}/{n}", name, found, 0.9) for side in sides for name in ("fist", "wave") for n in (1, 2)]
    columns = ["split", "sequence_id", "class_name", "frames_with_hand", "mean_score"]
    return hand_rates(pd.DataFrame(clips, columns=columns))


def summary(**columns):
    rows = {
        "class_name": ["fist", "NA", "(all)"],
        "clips": 4,
        "groups": 2,
        "frames": 130,
        "shortest": 20,
        "median": 31.5,
    }
    rows |= {"longest": 40, "repeating": 1, "repeated_frames": 9, "size": "320x240", "megabytes": 12.34, "train": 3}
    return pd.DataFrame(rows | {"val": 1, "test": 0, "left_out": 0, "rejected": 0} | columns)


@pytest.fixture
def figure(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "figure.png")
    return tmp_path / "figure.png"


def of_kind(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def cells(table):
    return {row[0]: list(row[1:]) for row in table.rows}


def shown(*sections):
    page = Page(render_report("Title", "Lead.", sections))
    page.assert_self_contained()
    return body(page)


def test_every_figure_stands_in_the_results_with_its_interval_validation_beside_test():
    (table,) = of_kind(results_section.results(VALIDATION, TEST, SPLIT, record()), Table)
    assert list(table.columns) == ["", "validation", "90 % interval", "test", "90 % interval"]
    assert cells(table) == {
        "accuracy": [0.75, (0.5, 0.875), 0.5, (0.25, 0.75)],
        "macro F1": [0.7, None, None, None],
        "accuracy, direction only": [0.6, None, None, None],
        "accuracy, no hands found": [0.5, None, None, None],
        "accuracy of the worst group": [0.25, None, None, None],
        "top-5 accuracy": [None, None, 0.9, None],
        "clips": [40, "", 8, ""],
        "classes": [2, "", 2, ""],
        "groups": [6, "", None, ""],
        "clips without hands": [4, "", None, ""],
    }


def test_without_a_test_there_is_no_column_of_it():
    (table,) = of_kind(results_section.results(VALIDATION, {}, SPLIT, record()), Table)
    assert list(table.columns) == ["", "validation", "90 % interval"]


def test_the_notice_of_an_environment_goes_first():
    section = results_section.results(VALIDATION, {}, SPLIT, record(notice="Drawn hands only."))
    assert section.blocks[0] == Notes(["Drawn hands only."])
    assert len(of_kind(results_section.results(VALIDATION, {}, SPLIT, record()), Notes)) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Intervals over few groups are rather too narrow, and 6 are few."),
        ({"groups": 1}, "One group says nothing of others, so there are no intervals."),
        ({"groups": 20, "accuracy_low": None}, "the same in each of the groups"),
        ({"classes": 1}, "1 of 2 classes have validation clips"),
    ],
)
def test_what_makes_a_figure_doubtful_is_said(changes, said):
    figures = {name: value for name, value in (VALIDATION | changes).items() if value is not None}
    assert said in " ".join(caveats(figures, {}, SPLIT, 1000))


def test_without_groups_and_draws_that_is_said():
    alone = {name: value for name, value in VALIDATION.items() if "group" not in name}
    assert NO_GROUPS in caveats(alone, {}, SPLIT, 1000)
    assert "bootstrap_draws is 0" in caveats(alone, {}, SPLIT, 0)[-1]


@pytest.mark.parametrize(
    ("leaks", "said"),
    [
        ({"copies": 1, "look_alikes": 2}, "3 of 40 held-out clips have a copy or a look-alike on another side"),
        ({"copies": 1}, "1 of 40 held-out clips has a copy"),
        ({"groups_on_both_sides": 1}, "1 group has clips on two sides"),
    ],
)
def test_leaks_of_the_split_stand_with_the_results(leaks, said):
    split = SPLIT | {"split": SPLIT["split"] | {"leaks": LEAKS | leaks}}
    assert said in " ".join(caveats(VALIDATION, TEST, split, 1000))
    assert "look-alike" not in " ".join(caveats(VALIDATION, TEST, SPLIT, 1000))


def test_the_epoch_was_chosen_on_validation_and_nothing_on_the_test():
    assert "The best epoch was chosen on the validation clips" in caveats(VALIDATION, {}, SPLIT, 1000)[0]
    assert caveats(VALIDATION, {}, SPLIT, 1000)[1] == "No clips were kept apart for a test (split.test_fraction)."
    assert caveats(VALIDATION, TEST, SPLIT, 1000)[1] == "Nothing was chosen on the test clips."


def test_the_head_tells_accuracies_and_the_worst_group():
    assert results_section.headlines(VALIDATION, TEST, 0.9) == [
        ("Validation accuracy", "0.750", "90 % interval 0.500 to 0.875; 40 clips of 6 groups"),
        ("Test accuracy", "0.500", "90 % interval 0.250 to 0.750; 8 clips"),
        ("Worst validation group", "0.250", "anna, 4 clips"),
    ]
    assert results_section.lead(VALIDATION, TEST, 2) == (
        "A classifier of 2 gestures. It recognises 30 of 40 validation clips and 4 of 8 test clips."
    )


def test_where_all_groups_are_alike_none_is_the_worst():
    perfect = {"accuracy": 1.0, "clips": 12, "groups": 2, "worst_group": "anna", "worst_group_accuracy": 1.0}
    assert results_section.headlines(perfect, {}, 0.95) == [
        ("Validation accuracy", "1.000", "12 clips of 2 groups; no interval")
    ]


def test_the_head_tells_when_how_and_in_which_run():
    assert results_section.run_facts(record()) == [
        ("trained", "4 March 2026, 05:06 UTC"),
        ("network", "BiLSTM, 2 layers of 64"),
        ("best epoch", "2 of 2"),
        ("seed", 7),
        ("MLflow run", "modeling, 01234567"),
    ]
    probe = record(tracked={}, network={"name": "linear_probe", "hidden": 64, "layers": 2})
    assert dict(results_section.run_facts(probe))["network"] == "linear probe"
    assert "MLflow run" not in dict(results_section.run_facts(probe))


def by_class(validation, test=NOTHING, figure=None):
    names = ["fist", "wave"]
    tables = [score_tables.per_class(of, names) for of in (validation, test)]
    return report_sections.by_class(*tables, score_tables.confusion(validation), figure, figure, None)


def test_mistakes_are_told_by_pair_the_most_frequent_first():
    table = of_kind(by_class(answers(wrong=3)), Table)[-1]
    assert table.rows == [("fist", "wave", 3, 0.75)]


def test_without_mistakes_there_is_a_sentence_in_place_of_their_table():
    section = by_class(answers(wrong=0))
    assert of_kind(section, Text) == [Text("No validation clip was taken for another class.")]
    assert len(of_kind(section, Table)) == 1


def test_of_very_many_mistakes_the_most_frequent_are_told_and_the_others_counted():
    names = [f"c{n:02d}" for n in range(20)]
    predicted = [names[(place + 1) % 20] for place in range(20)] + [names[0]] * 2
    rows = pd.DataFrame({"class_name": names + [names[5]] * 2, "predicted": predicted})
    confusion = score_tables.confusion(rows)
    empty = score_tables.per_class(NOTHING, names)
    (table,) = of_kind(report_sections.by_class(empty, empty, confusion, None, None, None), Table)
    assert table.rows[0] == ("c05", "c00", 2, 2 / 3)
    assert len(table.rows) == 15
    assert "6 more pairs of classes" in table.caption


def test_a_test_has_tables_of_its_own():
    captions = [table.caption for table in of_kind(by_class(answers(), answers()), Table)]
    assert [caption.split()[0] for caption in captions] == ["Validation", "Test", "The"]
    groups = score_tables.per_group(answers())
    assert len(of_kind(report_sections.by_group(groups, groups, None), Table)) == 2


def test_without_groups_there_is_a_sentence_in_their_place():
    none = score_tables.per_group(answers().assign(group=lambda clips: clips["sequence_id"]))
    assert report_sections.by_group(none, none, None).blocks == [Text(NO_GROUPS)]


def test_one_epoch_is_told_in_the_singular(figure):
    said = shown(report_sections.training(record(epochs=1), described(rows=40), figure))
    assert "Trained for 1 epoch on 40 clips in 1 view each; the model of epoch 1 was kept." in said
    assert "training.learning_rate 0.004" in said
    assert "training.patience null" in said


def test_attention_stands_with_its_test_or_says_that_there_was_none(figure, tmp_path):
    measured = pd.DataFrame({"axis": ["frames"], "removed": [8], "share": [0.25], "most_attended": [0.5], "clips": [9]})
    pictures = [figure] * 5 + [tmp_path / "none"]
    assert "frames 8 0.500" in shown(report_sections.attention(measured, *pictures))
    untested = report_sections.attention(measured.head(0), *pictures)
    assert "was not measured (evaluation.faithfulness_clips is 0)" in shown(untested)
    assert len(of_kind(untested, Figure)) == 4


def data_set(figure, folder, split=SPLIT, hands=None, classes=None):
    hands = rates() if hands is None else hands
    classes = summary() if classes is None else classes
    return dataset_sections.data_set(classes, split, hands, figure, figure, folder, folder)


def test_leaks_stand_beside_those_of_a_random_split(figure, tmp_path):
    sizes, leaks, *_ = of_kind(data_set(figure, tmp_path), Table)
    assert cells(sizes) == {"training": [40, 6, 2], "validation": [40, 6, 2]}
    assert cells(leaks)["of these, with a look-alike on another side"] == [0, 30]


def test_where_every_clip_is_a_group_of_its_own_groups_are_not_counted(figure, tmp_path):
    alone = {side: SIDE | {"groups": 40} for side in ("train", "val", "test")}
    sizes = of_kind(data_set(figure, tmp_path, SPLIT | {"split": alone | {"leaks": LEAKS}}), Table)[0]
    assert sizes.columns == ["side", "clips", "classes"]
    assert cells(sizes)["test"] == [40, 2]


def test_columns_of_the_classes_that_hold_nothing_are_left_out(figure, tmp_path):
    classes = of_kind(data_set(figure, tmp_path), Table)[2]
    assert not {"test", "left out", "rejected"} & set(classes.columns)
    full = of_kind(data_set(figure, tmp_path, classes=summary(test=1, rejected=[0, 2, 2])), Table)[2]
    assert {"test", "rejected"} <= set(full.columns)
    assert [row[0] for row in full.rows] == ["fist", "NA", "(all)"]


def test_hands_are_told_by_class_with_the_sides_beside_each_other(figure, tmp_path):
    uneven = rates(0.5)
    uneven = uneven[(uneven["split"] != "val") | (uneven["class_name"] != "wave")]
    hands = of_kind(data_set(figure, tmp_path, hands=uneven), Table)[3]
    assert list(hands.columns) == ["class", "training", "clips without", "validation", "clips without"]
    assert cells(hands)["fist"] == [0.5, 0, 0.5, 0]
    assert cells(hands)["wave"] == [0.5, 0, None, None]
    assert hands.rows[-1][0] == "(all)"


def test_hands_that_were_not_searched_for_are_said_in_a_sentence(figure, tmp_path):
    section = data_set(figure, tmp_path, hands=rates(np.nan))
    assert section.blocks[-1] == Text("Hands were not searched for (hands.enabled).")
    assert len(of_kind(section, Pictures)) == 1


def test_the_making_tells_fingerprints_models_and_parameters_but_no_place_on_a_machine():
    said = shown(dataset_sections.how_made({"train": described(), "validation": described()}, record(), DECISION))
    assert "x.h5 80 40 32 x 12 x 192 0123456789ab" in said
    assert f"vit vit main Apache-2.0 {'a' * 64}" in said
    assert DECISION["sentence"] in said
    assert "computed in float32" in said
    assert "split.lists lists.csv" in said
    assert "backbones.vit.path vit" in said
    assert "/home" not in said


def test_the_licence_of_a_model_is_told_only_where_the_parameters_name_this_very_model():
    table = dataset_sections.pretrained(described()["fingerprint"]["models"], PARAMETERS)
    assert cells(table)["vit"][2] == "Apache-2.0"
    assert cells(table)["hands"] == ["yolo.pt", "local file", "unknown", "b" * 64]  # they name owner/hands


def test_a_lower_precision_is_told_by_channel_with_digits_that_show_it():
    file = described(precision_error={"full_vit": {"cosine": 0.99987, "relative_l2": 0.00412}})
    file["fingerprint"]["precision"] = "bfloat16"
    said = shown(dataset_sections.how_made({"train": file, "validation": file}, record(), DECISION))
    assert "bfloat16 beside float32" in said
    assert "full_vit 0.99987 0.00412" in said


def test_the_record_names_packages_epochs_and_date():
    kept = record()
    assert (kept["epochs"], kept["best_epoch"], kept["ended"]) == (2, 2, "2026-03-04T05:06:00+00:00")
    assert {"python", "torch", "kedro", "mlflow"} <= set(kept["versions"])
    assert kept["parameters"] == PARAMETERS
