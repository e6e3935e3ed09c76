import dataclasses

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hand_gestures.evaluation.tables import confusion, per_class, per_group
from hand_gestures.reporting import report as module
from hand_gestures.reporting.run_summary import NO_GROUPS
from hand_gestures.utils.rules import ALL_CLASSES
from html_page import Page, body
from run_results import (
    DECISION,
    FAITHFULNESS,
    NO_ANSWERS,
    PARAMETERS,
    PLOTS,
    SHEETS,
    SIZES,
    SPLIT,
    TEST,
    VALIDATION,
    answers,
    class_summary,
    described,
    files,
    mirror_audit,
    rates,
    record,
    run_results,
)


def cells(table):
    return {row[0]: list(row[1:]) for row in table.itertuples(index=False, name=None)}


@pytest.fixture
def page(tmp_path):
    """Makes the report of these results, with small pictures in place of plots and no sheets."""
    Image.new("RGB", (30, 20)).save(tmp_path / "plot.png")
    pictures = dict.fromkeys(PLOTS, tmp_path / "plot.png") | dict.fromkeys(SHEETS, tmp_path / "none")

    def make(*arguments, **changes):
        found = Page(module.report(run_results(*arguments, **changes), pictures))
        found.assert_self_contained()
        return found

    return make


def titles(page):
    return [title.split()[0] for title in page.all("h4")]


def test_the_sections_have_the_order_of_their_questions(page):
    assert page().all("h2") == [
        "Results",
        "By class",
        "By group",
        "Calibration",
        "Training",
        "Attention",
        "Data set",
        "How it was made",
    ]


def test_every_metric_has_its_interval_and_validation_is_beside_test():
    table = module.metrics_table(run_results(test_evaluation=TEST))
    assert list(table.columns) == ["", "validation", "90 % interval", "test", "90 % interval"]
    assert cells(table) == {
        "accuracy": [0.75, (0.5, 0.875), 0.5, (0.25, 0.75)],
        "macro F1": [0.7, None, None, None],
        "accuracy, direction only": [0.6, None, None, None],
        "accuracy, hands found": [1.0, None, None, None],
        "accuracy, no hands found": [0.5, None, None, None],
        "accuracy of the worst group": [0.25, None, None, None],
        "top-5 accuracy": [None, None, 0.9, None],
        "clips": [40, "", 8, ""],
        "classes": [2, "", 2, ""],
        "groups": [6, "", None, ""],
        "clips without hands": [4, "", None, ""],
    }


def test_the_baselines_are_rows_below_the_accuracy_without_intervals():
    known = VALIDATION | {"chance_accuracy": 0.5, "majority_accuracy": 0.55, "exact_intervals": ["accuracy"]}
    table = module.metrics_table(run_results(evaluation=known, test_evaluation=TEST))
    assert table[""].tolist()[:3] == ["accuracy", "by chance", "always the most frequent class"]
    assert cells(table)["always the most frequent class"] == [0.55, "", None, ""]
    assert "exact intervals" not in table[""].tolist()


def test_the_head_shows_the_baselines_and_the_kind_of_interval_beside_the_accuracy():
    known = VALIDATION | {"chance_accuracy": 0.5, "majority_accuracy": 0.55, "exact_intervals": ["accuracy"]}
    assert module.headlines(run_results(evaluation=known))[0][2] == (
        "90 % exact interval 0.500 to 0.875; 40 clips of 6 groups; by chance 0.500, always the most frequent class "
        "0.550"
    )


def test_without_a_test_there_is_no_column_for_it():
    assert list(module.metrics_table(run_results()).columns) == ["", "validation", "90 % interval"]


def test_the_notice_of_an_environment_is_the_first_thing_in_the_results(page):
    found = page(run_record=record(notice="Drawn hands only."))
    assert found.count("aside") == 2
    assert found.all("section")[0].startswith("Results Drawn hands only. Metrics")
    assert page().count("aside") == 1


def test_caveats_are_below_the_metrics(page):
    assert "How far these metrics can be trusted" in page().all("h3")
    assert "The best epoch was chosen on the validation clips" in page().all("li")[8]


def test_the_head_shows_accuracies_and_the_worst_group(page):
    results = run_results(test_evaluation=TEST)
    assert module.headlines(results) == [
        ("Validation accuracy", "0.750", "90 % interval 0.500 to 0.875; 40 clips of 6 groups"),
        ("Test accuracy", "0.500", "90 % interval 0.250 to 0.750; 8 clips"),
        ("Worst validation group", "0.250", "anna, 4 clips"),
    ]
    found = page(test_evaluation=TEST)
    assert found.all("strong") == ["0.750", "0.500", "0.250"]
    assert found.all("span")[4:6] == ["Worst validation group", "anna, 4 clips"]


def test_no_group_is_the_worst_if_all_have_the_same_accuracy():
    perfect = {"accuracy": 1.0, "clips": 12, "groups": 2, "worst_group": "anna", "worst_group_accuracy": 1.0}
    results = run_results(evaluation=perfect, run_record=record(evaluation={"confidence_level": 0.95}))
    assert module.headlines(results) == [("Validation accuracy", "1.000", "12 clips of 2 groups; no interval")]


def test_mistakes_are_listed_by_pair_with_the_most_frequent_first():
    table = module.mistakes_table(confusion(answers(wrong=3)))
    assert table.to_numpy().tolist() == [["fist", "wave", 3, 0.75]]


def test_without_mistakes_a_sentence_replaces_their_table(page):
    found = page(answers(wrong=0))
    assert "No validation clip was predicted as another class." in found.all("p")
    assert "The" not in titles(found)
    assert "The" in titles(page(answers(wrong=1)))


def test_of_very_many_mistakes_the_most_frequent_are_listed_and_the_others_counted(page):
    names = [f"c{n:02d}" for n in range(20)]
    predicted = [names[(index + 1) % 20] for index in range(20)] + [names[0]] * 2
    mistakes = confusion(pd.DataFrame({"class_name": names + [names[5]] * 2, "predicted": predicted}))
    table = module.mistakes_table(mistakes)
    assert table.iloc[0].tolist() == ["c05", "c00", 2, 2 / 3]
    found = page(confusion=mistakes)
    (title,) = [title for title in found.all("h4") if title.startswith("The most frequent mistakes")]
    assert "6 more pairs of classes" in title
    assert len(table) == 15 + 6
    assert sum(text.startswith("c") and len(text) == 3 for text in found.all("td")) == 2 * 15


def test_a_class_called_like_a_column_can_be_confused():
    odd = confusion(pd.DataFrame({"class_name": ["clips", "share"], "predicted": ["share", "clips"]}))
    assert len(module.mistakes_table(odd)) == 2


def test_a_test_has_its_own_tables(page):
    found = titles(page(answers(), answers()))
    assert found.count("Validation") == found.count("Test") == 2  # by class and by group
    assert "Test" not in titles(page(answers()))


def test_without_groups_a_sentence_replaces_their_plot_and_tables(page):
    alone = per_group(answers().assign(group=lambda clips: clips["sequence_id"]))
    found = page(per_group=alone)
    assert NO_GROUPS in found.all("p")
    assert found.count("img") == page().count("img") - 1


def test_one_epoch_is_described_in_the_singular(page):
    found = body(page(run_record=record(epochs=1), embeddings_description=files(rows=40)))
    assert "Trained for 1 epoch on 40 clips in 1 view each; the model of epoch 1 was kept." in found
    assert "training.learning_rate 0.004" in found
    assert "training.patience null" in found


def test_faithfulness_is_shown_or_the_page_says_that_it_was_not_measured(page):
    assert "frames 8 0.500" in body(page())
    untested = page(faithfulness=FAITHFULNESS.head(0))
    assert "was not measured (evaluation.faithfulness_clips is 0)" in body(untested)
    assert untested.count("img") == page().count("img") - 1


def test_leaks_are_beside_those_of_a_random_split():
    assert cells(module.split_sizes(SPLIT)) == {"training": [40, 6, 2], "validation": [40, 6, 2]}
    assert cells(module.leak_audit(SPLIT))["of these, with a look-alike in another split"] == [0, 30]


def test_sizes_have_no_column_for_unknown_groups():
    alone = {split: SIZES | {"groups": None} for split in ("train", "val", "test")}
    table = module.split_sizes({"split": alone})
    assert list(table.columns) == ["split", "clips", "classes"]
    assert cells(table)["test"] == [40, 2]


def test_one_clip_per_group_is_no_sign_of_unknown_groups():
    single = {split: SIZES | {"groups": 40} for split in ("train", "val", "test")}
    assert cells(module.split_sizes({"split": single}))["test"] == [40, 40, 2]


def test_columns_of_the_classes_that_are_zero_are_left_out():
    classes = module.class_table(class_summary())
    assert not {"test", "left_out", "rejected"} & set(classes.columns)
    full = module.class_table(class_summary(test=1, rejected=[0, 2, 2]))
    assert {"test", "rejected"} <= set(full.columns)
    assert full["class_name"].tolist() == ["fist", "NA", "(all)"]


def test_hands_are_listed_by_class_with_the_splits_beside_each_other():
    uneven = rates(0.5)
    uneven = uneven[(uneven["split"] != "val") | (uneven["class_name"] != "wave")]
    hands = module.hand_table(uneven)
    assert list(hands.columns) == ["class", "training", "clips without", "validation", "clips without"]
    assert cells(hands)["fist"] == [0.5, 0, 0.5, 0]
    assert cells(hands)["wave"] == [0.5, 0, None, None]
    assert hands.iloc[-1, 0] == "(all)"


def test_the_data_set_section_shows_what_a_mirror_does_to_each_class(page):
    data_set = page().all("section")[6]
    assert "A mirror does not change the class of fist." in data_set
    assert "(the evidence is weak) and augmentation.mirrored_classes was never set for: wave." in data_set
    swap = mirror_audit(("swap", "swap"), ("wave", "fist"), ("fist", "wave"))
    data_set = page(mirror_audit=swap).all("section")[6]
    assert "turns fist into fist, but mirrored views of fist look like wave." in data_set
    assert "A mirror turns fist into wave and back (log-likelihood ratios 4.2 and 4.2)." in data_set
    assert "4.250" in data_set


def test_the_page_says_if_no_view_is_mirrored(page):
    found = page(embeddings_description=files(recipe={"augmentation": {"views": 3, "horizontal_flip": 0.0}}))
    assert "No view of a clip is mirrored." in found.all("p")
    assert "No view of a clip is mirrored." not in page().all("p")


def test_a_file_without_augmented_views_has_no_recipe(page):
    description = files()
    description["train"]["recipe"] = {}
    assert "No view of a clip is mirrored." in page(embeddings_description=description).all("p")


def test_the_page_says_if_hands_were_not_searched_for(page):
    found = page(hand_rates=rates(np.nan))
    assert found.all("section")[6].endswith("Hands Hands were not searched for (hands.enabled).")
    assert "There are no contact sheets." in found.all("p")
    assert "There are no contact sheets with hands." not in found.all("p")
    assert "There are no contact sheets with hands." in page().all("p")


def test_provenance_has_contracts_models_and_parameters_but_no_folder_of_a_machine(page):
    found = body(page())
    assert "x.h5 80 40 32 x 12 x 192 0123456789ab" in found
    assert f"vit vit main Apache-2.0 {'a' * 64}" in found
    assert DECISION["sentence"] in found
    assert "computed in float32" in found
    assert "split.lists lists.csv" in found
    assert "backbones.vit.path vit" in found
    assert "/home" not in found


def test_a_licence_is_shown_only_if_the_parameters_name_exactly_this_model():
    table = module.pretrained_models(described()["provenance"]["models"], PARAMETERS)
    assert cells(table)["vit"][2] == "Apache-2.0"
    assert cells(table)["hands"] == ["yolo.pt", "local file", "unknown", "b" * 64]  # parameters name owner/hands


def test_a_lower_precision_is_shown_by_channel_with_enough_digits(page):
    error = {"full_vit": {"cosine": 0.99987, "relative_l2": 0.00412}}
    lower = files(contract={"precision": "bfloat16"}, precision_error=error)
    found = body(page(embeddings_description=lower))
    assert "bfloat16 compared with float32" in found
    assert "full_vit 0.99987 0.00412" in found


def test_classes_without_clips_have_a_row(page):
    results = run_results(answers(), per_class=per_class(answers(), ["fist", "none", "wave"]))
    assert "none" in page(per_class=results.per_class).all("td")
    assert len(module.mistakes_table(run_results(NO_ANSWERS).confusion)) == 0


def test_results_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        run_results().evaluation = {}


def test_of_very_many_classes_the_worst_are_shown_and_the_file_with_all_is_named(page):
    names = [f"class{number:04d}" for number in range(1001)]
    predicted = [names[0] if number > 900 else name for number, name in enumerate(names)]
    clips = pd.DataFrame({"class_name": names, "predicted": predicted})
    shown = page(per_class=per_class(clips, names), confusion=confusion(clips))
    assert "The first 200 of 1001 rows; all of them are in per_class.csv" in body(shown)
    cells = set(shown.all("td"))
    assert set(names[901:]) <= cells
    assert names[800] not in cells


def test_a_shortened_table_of_classes_begins_with_its_total():
    one = class_summary()
    many = pd.concat([one.head(1).assign(class_name=f"class{n}") for n in range(300)] + [one.tail(1)])
    assert module.class_table(many)["class_name"].iloc[0] == ALL_CLASSES
    assert module.class_table(one)["class_name"].iloc[-1] == ALL_CLASSES
