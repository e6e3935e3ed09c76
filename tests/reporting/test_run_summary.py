import pandas as pd

from hand_gestures.reporting.run_summary import result_lines, variant_lines

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


def test_accuracy_stands_with_its_interval_and_what_it_rests_on():
    assert result_lines(VALIDATION, {}, 0.95) == [
        ("validation accuracy", "0.986 (95 % interval 0.958 to 1.000, over 6 groups)"),
        ("  direction only", "0.983"),
        ("  worst group", "0.917 (performer09, 12 clips)"),
    ]


def test_without_groups_or_interval_that_is_said():
    assert result_lines({"accuracy": 1.0, "clips": 9}, {}, 0.9) == [
        ("validation accuracy", "1.000 (over 9 clips; no interval)")
    ]


def test_a_test_has_its_line_where_there_is_one():
    test = {"accuracy": 0.5, "accuracy_low": 0.25, "accuracy_high": 0.75, "clips": 16}
    assert result_lines(VALIDATION, test, 0.9)[-1] == (
        "test accuracy",
        "0.500 (90 % interval 0.250 to 0.750, over 16 clips)",
    )


def test_clips_without_hands_are_told_apart_where_there_are_some():
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
