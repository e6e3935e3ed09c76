import pandas as pd
import pytest

from hand_gestures.reporting.run_summary import (
    NO_GROUPS,
    caveats,
    result_lines,
    run_facts,
    run_note,
    summary_sentence,
    variant_lines,
)
from run_results import DECISION, LEAKS, PARAMETERS, SPLIT, TEST, files, record, run_results
from run_results import VALIDATION as SMALL

VALIDATION = {
    "accuracy": 0.98611,
    "accuracy_low": 0.95833,
    "accuracy_high": 1.0,
    "mean_class_accuracy": 0.9,
    "mean_class_accuracy_low": 0.8,
    "accuracy_direction_only": 0.98333,
    "accuracy_direction_only_low": 0.95,
    "accuracy_direction_only_high": 1.0,
    "accuracy_with_hands": 0.98611,
    "clips": 72,
    "clips_without_hands": 0,
    "groups": 6,
    "worst_group": "performer09",
    "worst_group_accuracy": 0.91667,
    "worst_group_clips": 12,
}


def test_accuracy_has_its_interval_and_its_number_of_groups():
    assert result_lines(VALIDATION, {}, 0.95) == [
        ("validation accuracy", "0.986 (95 % interval 0.958 to 1.000, over 6 groups)"),
        ("  direction only", "0.983"),
        ("  worst group", "0.917 (performer09, 12 clips)"),
    ]


def test_no_group_is_the_worst_of_equal_ones():
    equal = VALIDATION | {"worst_group_accuracy": VALIDATION["accuracy"]}
    assert "  worst group" not in dict(result_lines(equal, {}, 0.95))


def test_a_line_says_if_there_are_no_groups_and_no_interval():
    assert result_lines({"accuracy": 1.0, "clips": 9}, {}, 0.9) == [
        ("validation accuracy", "1.000 (over 9 clips; no interval)")
    ]


BASELINES = {"chance_accuracy": 1 / 12, "majority_accuracy": 0.125}


def test_chance_and_the_most_frequent_class_are_below_the_accuracy_of_each_split():
    test = TEST | {"chance_accuracy": 0.25, "majority_accuracy": 0.5}
    assert result_lines(VALIDATION | BASELINES, test, 0.95)[1] == (
        "  by chance",
        "0.083, always the most frequent class 0.125",
    )
    assert result_lines(VALIDATION, test, 0.95)[-1] == (
        "  by chance",
        "0.250, always the most frequent class 0.500; the model is no better",
    )


def test_a_line_says_that_an_interval_is_exact():
    exact = {"accuracy": 1.0, "accuracy_low": 0.54074, "accuracy_high": 1.0, "exact_intervals": ["accuracy"]}
    assert result_lines(exact | {"clips": 72, "groups": 6}, {}, 0.95) == [
        ("validation accuracy", "1.000 (95 % exact interval 0.541 to 1.000, over 6 groups)")
    ]


def test_a_test_has_its_own_line():
    test = {"accuracy": 0.5, "accuracy_low": 0.25, "accuracy_high": 0.75, "clips": 16}
    assert result_lines(VALIDATION, test, 0.9)[-1] == (
        "test accuracy",
        "0.500 (90 % interval 0.250 to 0.750, over 16 clips)",
    )


def test_accuracy_is_split_by_hands_if_some_clips_have_none():
    lines = dict(result_lines(VALIDATION | {"accuracy_without_hands": 0.5, "clips_without_hands": 4}, {}, 0.95))
    assert lines["  hands found"] == "0.986"
    assert lines["  no hands found"] == "0.500 (4 clips)"


def test_each_variant_of_a_comparison_has_its_line():
    table = pd.DataFrame(
        {
            "variant": ["bilstm without left", "nearest_neighbour"],
            "accuracy": [0.98, 0.1],
            "seeds": [3, 1],
            "accuracy_spread": [0.0123, None],
        }
    )
    assert variant_lines(table) == [
        ("bilstm without left", "0.980 (3 seeds, standard deviation 0.012)"),
        ("nearest neighbour", "0.100 (1 seed)"),
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Intervals over fewer than 20 groups are too narrow; there are 6."),
        ({"groups": 1}, "One group says nothing about others, so there are no intervals."),
        ({"groups": 20, "accuracy_low": None}, "the same value in every group"),
        ({"classes": 1}, "1 of 2 classes have validation clips"),
    ],
)
def test_caveats_say_what_makes_a_metric_doubtful(changes, sentence):
    metrics = {name: value for name, value in (SMALL | changes).items() if value is not None}
    assert sentence in " ".join(caveats(metrics, {}, SPLIT, 1000, 2))


def test_caveats_say_if_there_are_no_groups_and_no_draws():
    alone = {name: value for name, value in SMALL.items() if "group" not in name}
    assert NO_GROUPS in caveats(alone, {}, SPLIT, 1000, 2)
    assert "bootstrap_draws is 0" in caveats(alone, {}, SPLIT, 0, 2)[-1]


@pytest.mark.parametrize(
    ("leaks", "sentence"),
    [
        ({"copies": 1, "look_alikes": 2}, "3 of 40 held-out clips have a copy or a look-alike in another split"),
        ({"copies": 1}, "1 of 40 held-out clips has a copy"),
        ({"groups_on_both_sides": 1}, "1 group has clips in two splits"),
    ],
)
def test_caveats_count_the_leaks_of_the_split(leaks, sentence):
    split = SPLIT | {"split": SPLIT["split"] | {"leaks": LEAKS | leaks}}
    assert sentence in " ".join(caveats(SMALL, TEST, split, 1000, 2))
    assert "look-alike" not in " ".join(caveats(SMALL, TEST, SPLIT, 1000, 2))


def test_caveats_say_that_the_epoch_was_chosen_on_validation_and_nothing_on_the_test():
    assert "The best epoch was chosen on the validation clips" in caveats(SMALL, {}, SPLIT, 1000, 2)[0]
    assert caveats(SMALL, {}, SPLIT, 1000, 2)[1] == "No clips were kept for a test (split.test_fraction)."
    assert caveats(SMALL, TEST, SPLIT, 1000, 2)[1] == "Nothing was chosen on the test clips."


NO_BETTER = (
    "The model is no better than always answering the most frequent class of the validation clips: its accuracy is "
    "{}, that of this answer 0.250."
)
FOUR = {"clips": 4, "classes": 4, "chance_accuracy": 0.25, "majority_accuracy": 0.25, "macro_f1": 0.0}


@pytest.mark.parametrize("accuracy", [0.0, 0.25])
def test_an_accuracy_at_or_below_chance_is_the_first_caveat_and_nothing_is_called_too_good(accuracy):
    leaks = SPLIT | {"split": SPLIT["split"] | {"leaks": LEAKS | {"copies": 1}}}
    found = caveats(FOUR | {"accuracy": accuracy, "accuracy_low": 0.0, "accuracy_high": 0.6}, {}, leaks, 1000, 9)
    assert found[0] == NO_BETTER.format(f"{accuracy:.3f}")
    assert "too good" not in " ".join(found)
    assert "1 of 40 held-out clips has a copy or a look-alike in another split." in found


def test_an_accuracy_whose_interval_contains_chance_is_not_shown_to_be_better():
    found = caveats(FOUR | {"accuracy": 0.5, "accuracy_low": 0.0, "accuracy_high": 1.0}, {}, SPLIT, 1000, 9)
    assert found[0] == (
        "The model is not shown to be better than always answering the most frequent class of the validation clips: "
        "the interval of its accuracy contains 0.250."
    )
    assert "slightly too good" in found[1]
    above = caveats(FOUR | {"accuracy": 0.75, "accuracy_low": 0.3, "accuracy_high": 1.0}, {}, SPLIT, 1000, 9)
    assert "most frequent class" not in " ".join(above)


def test_a_test_at_chance_is_a_caveat_of_its_own():
    test = TEST | {"chance_accuracy": 0.5, "majority_accuracy": 0.625}
    assert "frequent class of the test clips: its accuracy is 0.500, that of this answer 0.625." in " ".join(
        caveats(SMALL, test, SPLIT, 1000, 2)
    )


def test_the_only_epoch_was_not_chosen():
    assert "best epoch" not in " ".join(caveats(SMALL, {}, SPLIT, 1000, 1))


def test_small_sets_of_clips_are_named_with_their_size():
    sentence = "There are only 4 validation clips: one more or one less that is right changes the accuracy by 0.250."
    assert sentence in caveats(FOUR | {"accuracy": 0.5}, {}, SPLIT, 1000, 2)
    assert "There are only 8 test clips: one more" in " ".join(caveats(SMALL, TEST, SPLIT, 1000, 2))
    assert "validation clips: one more" not in " ".join(caveats(SMALL, TEST, SPLIT, 1000, 2))


def test_the_kind_of_an_exact_interval_is_stated():
    exact = SMALL | {"exact_intervals": ["accuracy", "accuracy_direction_only"]}
    assert (
        "Exact binomial intervals (Clopper and Pearson), each group as one observation: accuracy, direction only; all "
        "groups have the same value there. All other intervals are bootstraps over groups."
    ) in caveats(exact, {}, SPLIT, 1000, 2)
    assert "Bootstrap intervals over fewer than 20 groups are too narrow; there are 6." in caveats(
        exact, {}, SPLIT, 1000, 2
    )
    assert "Clopper" not in " ".join(caveats(SMALL | {"exact_intervals": []}, {}, SPLIT, 1000, 2))


def test_the_summary_counts_the_recognised_clips_of_validation_and_test():
    assert summary_sentence(run_results(test_evaluation=TEST)) == (
        "A classifier of 2 gestures. It recognises 30 of 40 validation clips and 4 of 8 test clips."
    )


def test_the_facts_are_date_network_epoch_seed_and_run():
    assert run_facts(record()) == [
        ("trained", "4 March 2026, 05:06 UTC"),
        ("network", "BiLSTM, 2 layers of 64"),
        ("best epoch", "2 of 2"),
        ("seed", 7),
        ("MLflow run", "modeling, 01234567"),
    ]
    probe = record(tracked={}, network={"name": "linear_probe", "hidden": 64, "layers": 2})
    assert dict(run_facts(probe))["network"] == "linear probe"
    assert "MLflow run" not in dict(run_facts(probe))


def test_the_record_names_packages_epochs_and_date():
    kept = record()
    assert (kept["epochs"], kept["best_epoch"], kept["ended"]) == (2, 2, "2026-03-04T05:06:00+00:00")
    assert {"python", "torch", "kedro", "mlflow"} <= set(kept["versions"])
    assert kept["parameters"] == PARAMETERS


def test_the_note_of_a_run_says_what_is_known():
    tested = {"accuracy": 0.5, "clips": 2, "classes": 2}
    assert run_note({"evaluation": tested}, 0.9, None) == "**validation accuracy 0.500 (over 2 clips; no interval)**\n"
    known = files(groups=2)
    known["validation"]["groups"] = None
    results = {"evaluation": SMALL, "embeddings_description": known, "registry_decision": DECISION}
    note = run_note(results, 0.9, "Drawn hands only.")
    assert note.startswith("**validation accuracy 0.750 (90 % interval 0.500 to 0.875, over 6 groups)**\n\n- ")
    assert "- data: 40 clips of 2 groups train, 40 clips validate; 2 classes\n" in note
    assert note.endswith(f"- registry: {DECISION['sentence']}\n\n_Drawn hands only._")
