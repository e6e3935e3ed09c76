import unicodedata
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.utils.uri import validate_path_is_safe

from hand_gestures.utils.names import (
    DEVICES,
    MAX_BYTES,
    PUNCTUATION,
    differing_only_in_case,
    escape_control_characters,
    has_control_character,
    nfc,
    safe_name,
    safe_names,
)
from small_sequences import FIXED

HARD_NAMES = [
    "what?", "a#b", "%2e%2e", "../../etc", "a/b\\c:d?", "trailing.", "trailing ", "-rf", ".hidden", "CON", "nul.txt",
    "com1", "a\nb", "a\rb", "a\tb", "手" * 120, "a" * 250, "", " ", "...", "👋", "=1+1", "'x", "\ud800",
]  # fmt: skip
any_name = st.one_of(
    st.text(max_size=150),
    st.text("aA.é\u0301 -_?#%/\\\n\0", max_size=12),
    st.sampled_from(HARD_NAMES),
    st.builds("{}{}".format, st.sampled_from(sorted(DEVICES)), st.text(".ab", max_size=3)),
)


@FIXED
@given(any_name)
@example("CON.txt")
def test_a_safe_name_is_safe_everywhere_and_short(name):
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= MAX_BYTES
    assert all(letter in PUNCTUATION or unicodedata.category(letter)[0] in "LMN" for letter in safe)
    assert safe[0] not in "-. "
    assert safe[-1] not in ". "
    assert safe.partition(".")[0].rstrip().upper() not in DEVICES  # Windows opens a device
    path = f"{safe}.jpg"
    assert validate_path_is_safe(f"plots/{path}") == f"plots/{path}"  # what an MLflow server checks
    assert urlsplit(f"http://server/{path}").path == f"/{path}" == unquote(f"/{path}")
    assert safe_name(safe) == safe
    assert nfc(safe) == safe


@FIXED
@given(st.lists(any_name, unique_by=nfc, max_size=20))
@example(["Wave", "wave", "WAVE"])
@example(["what?", "what#", "what-5f6c857a", "WHAT?"])
def test_no_two_names_of_a_folder_get_the_same_file_even_without_case(names):
    files = [unicodedata.normalize("NFC", file.casefold()) for file in safe_names(names).values()]
    assert len(set(files)) == len(names)


@pytest.mark.parametrize(
    "name", ["swipe_left", "дві руки", "手", "हाथ", "7", "NA", "Wave (2)", "a, b.c", "й", "a" * 100]
)
def test_a_plain_name_of_any_script_is_not_changed(name):
    assert safe_name(name) == name
    assert safe_names([name]) == {name: name}


@pytest.mark.parametrize("name", [name for name in HARD_NAMES if any(letter.isalpha() for letter in name)])
def test_a_changed_name_stays_readable_and_ends_with_a_hash(name):
    stem, _, digest = safe_name(name).rpartition("-")
    assert stem
    assert len(digest) == 8
    assert safe_name(name) == safe_name(name)


def test_both_spellings_of_an_accent_have_one_file_name():
    assert safe_name("e\u0301?") == safe_name("é?")
    assert nfc("и\u0306") == "й"


def test_names_that_differ_only_in_case_are_found():
    assert differing_only_in_case(["wave", "fist", "Wave", "É", "e\u0301"]) == [["Wave", "wave"], ["e\u0301", "É"]]


@FIXED
@given(any_name)
def test_an_escaped_name_has_one_line_and_no_control_character(name):
    shown = escape_control_characters(name)
    assert not has_control_character(shown)
    assert len(shown.splitlines()) <= 1
    assert shown == name or has_control_character(name)


def test_control_characters_are_shown_as_escapes():
    assert escape_control_characters("wa\nve\t手\x07\u2028") == "wa\\nve\\t手\\x07\\u2028"
    assert escape_control_characters("a\\nb") == "a\\nb"
