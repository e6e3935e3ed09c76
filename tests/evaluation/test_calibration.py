import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from hand_gestures.evaluation.metrics import calibration_bins, expected_calibration_error

# by hand, in fifteenths: two clips in bin 9 (8/15 to 9/15), one in bin 12, two in bin 15
CONFIDENCE = np.array([0.55, 0.58, 0.78, 0.95, 1.0])
CORRECT = np.array([1.0, 0.0, 1.0, 1.0, 1.0])


def test_the_calibration_error_equals_the_one_computed_by_hand():
    expected = (2 * abs(0.5 - 0.565) + abs(1 - 0.78) + 2 * abs(1 - 0.975)) / 5
    assert expected_calibration_error(CONFIDENCE, CORRECT, np.ones((1, 5)))[0] == pytest.approx(expected)


def test_a_weight_of_two_equals_two_copies_of_the_clip():
    weights = np.array([[2, 0, 1, 3, 0]])
    copies = np.repeat(np.arange(5), weights[0])
    expected = expected_calibration_error(CONFIDENCE[copies], CORRECT[copies], np.ones((1, 6)))
    assert expected_calibration_error(CONFIDENCE, CORRECT, weights) == pytest.approx(expected)


def test_each_bin_has_its_clips_mean_confidence_and_accuracy():
    bins = calibration_bins(CONFIDENCE, CORRECT)
    assert bins["clips"].tolist() == [0] * 8 + [2, 0, 0, 1, 0, 0, 2]
    assert bins["confidence"].dropna().tolist() == pytest.approx([0.565, 0.78, 0.975])
    assert bins["accuracy"].dropna().tolist() == [0.5, 1, 1]


def test_a_bin_includes_its_upper_end():
    bins = calibration_bins(np.array([0.2, 0.2001]), np.ones(2)).set_index("clips")
    assert bins.loc[1, "high"].tolist() == pytest.approx([3 / 15, 4 / 15])


def test_filled_bins_equal_those_of_scikit_learn():
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.2, 1, 500)
    correct = (rng.random(500) < confidence).astype(float)
    bins = calibration_bins(confidence, correct).dropna()
    accuracy, mean_confidence = calibration_curve(correct, confidence, n_bins=15)
    assert bins["accuracy"].tolist() == pytest.approx(accuracy.tolist())
    assert bins["confidence"].tolist() == pytest.approx(mean_confidence.tolist())
