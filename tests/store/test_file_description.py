import pytest

from hand_gestures.store.file_description import content_digest, describe_file, require_same_contract
from hand_gestures.utils.contract import short_digest
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import CLASS_NAMES, CONTRACT


def test_the_digest_depends_on_every_value_and_not_on_the_order_of_keys():
    reordered = dict(reversed(CONTRACT.items()))
    assert short_digest(reordered) == short_digest(CONTRACT)
    assert short_digest({**CONTRACT, "size": 2}) != short_digest(CONTRACT)


def test_the_error_names_the_field_that_differs():
    other = {**CONTRACT, "backbones": {"vit": {"sha256": "b"}}}
    with pytest.raises(HandGesturesError, match=r"differ in backbones\.vit\.sha256: a and b"):
        require_same_contract(CONTRACT, other)
    require_same_contract(CONTRACT, dict(CONTRACT))


def test_the_description_counts_the_rows_of_a_file(write_file):
    described = describe_file(write_file("a.h5", 7))
    assert described["rows"] == 7
    assert described["rows_by_class"] == dict(zip(CLASS_NAMES, (3, 2, 2), strict=True))
    assert described["digest"] == short_digest(CONTRACT)


def test_files_of_the_same_clips_have_the_same_content_whatever_is_known_about_their_models(write_file):
    one, other = write_file("a.h5", 4), write_file("b.h5", 4, provenance={"models": {"vit": {"revision": "main"}}})
    assert content_digest(one.header) == content_digest(other.header)
    assert content_digest(write_file("c.h5", 5).header) != content_digest(one.header)
