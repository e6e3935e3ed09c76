import pytest

from mutated_files import KINDS, outcomes


@pytest.mark.parametrize("kind", KINDS)
def test_a_randomly_damaged_file_is_read_or_rejected_and_raises_no_other_error(tmp_path, kind):
    found, slowest = outcomes(kind, tmp_path, 120, seed=1)
    assert found["read"] + found["rejected"] == 120
    assert min(found.values()) > 10  # neither harmless nor hopeless
    assert slowest < 20
