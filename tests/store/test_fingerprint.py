import pytest

from hand_gestures.store.fingerprint import describe_file, fingerprint_digest, require_same_fingerprint
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import CLASS_NAMES, FINGERPRINT


def test_the_digest_depends_on_every_value_and_not_on_the_order_of_keys():
    reordered = dict(reversed(FINGERPRINT.items()))
    assert fingerprint_digest(reordered) == fingerprint_digest(FINGERPRINT)
    assert fingerprint_digest({**FINGERPRINT, "seed": 2}) != fingerprint_digest(FINGERPRINT)


def test_the_error_names_the_field_that_differs():
    other = {**FINGERPRINT, "models": {"vit": {"sha256": "b"}}}
    with pytest.raises(HandGesturesError, match=r"differ in models\.vit\.sha256: a and b"):
        require_same_fingerprint(FINGERPRINT, other)
    require_same_fingerprint(FINGERPRINT, dict(FINGERPRINT))


def test_the_description_counts_the_rows_of_a_file(write_file):
    described = describe_file(write_file("a.h5", 7))
    assert described["rows"] == 7
    assert described["rows_by_class"] == dict(zip(CLASS_NAMES, (3, 2, 2), strict=True))
    assert described["digest"] == fingerprint_digest(FINGERPRINT)
