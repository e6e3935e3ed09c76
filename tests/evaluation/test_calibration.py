import numpy as np
import pytest

from hand_gestures.evaluation.metrics import calibration_bins, expected_calibration_error

# by hand, in fifteenths: two clips in bin 9 (8/15 to 9/15), one in bin 12, two in bin 15
CONFIDENCE = np.array([0.55, 0.58, 0.78, 0.95, 1.0])
RIGHT = np.array([1.0, 0.0, 1.0, 1.0, 1.0])


def test_the_error_is_the_one_computed_by_hand():
    expected = (2 * abs(0.5 - 0.565) + abs(1 - 0.78) + 2 * abs(1 - 0.975)) / 5
    assert expected_calibration_error(CONFIDENCE, RIGHT, np.ones((1, 5)))[0] == pytest.approx(expected)


def test_a_clip_that_counts_twice_is_a_clip_that_is_there_twice():
    weights = np.array([[2, 0, 1, 3, 0]])
    again = np.repeat(np.arange(5), weights[0])
    expected = expected_calibration_error(CONFIDENCE[again], RIGHT[again], np.ones((1, 6)))
    assert expected_calibration_error(CONFIDENCE, RIGHT, weights) == pytest.approx(expected)


def test_bins_hold_clips_with_their_mean_confidence_and_accuracy():
    bins = calibration_bins(CONFIDENCE, RIGHT)
    assert bins["clips"].tolist() == [0] * 8 + [2, 0, 0, 1, 0, 0, 2]
    assert bins["confidence"].dropna().tolist() == pytest.approx([0.565, 0.78, 0.975])
    assert bins["accuracy"].dropna().tolist() == [0.5, 1, 1]


def test_a_bin_holds_its_upper_end():
    bins = calibration_bins(np.array([0.2, 0.2001]), np.ones(2)).set_index("clips")
    assert bins.loc[1, "high"].tolist() == pytest.approx([3 / 15, 4 / 15])
