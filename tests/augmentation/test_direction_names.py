"""Which class names contain a direction that a mirror changes, in any notation and many languages."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_gestures.augmentation import mirrored_labels
from hand_gestures.augmentation.direction_names import OPPOSITES, find_directions
from hand_gestures.utils.errors import HandGesturesError

PAIRS = [
    ("swipeleft", "swiperight"),
    ("SWIPELEFT", "SWIPERIGHT"),
    ("twofingerleft", "twofingerright"),
    ("turn_cw", "turn_ccw"),
    ("turnCW", "turnCCW"),
    ("rotatecw", "rotateacw"),
    ("swipe_l", "swipe_r"),
    ("swipeL", "swipeR"),
    ("hand-lt", "hand-rt"),
    ("fist_lh", "fist_rh"),
    ("свайп_влево", "свайп_вправо"),
    ("СВАЙП_ВЛЕВО", "СВАЙП_ВПРАВО"),
    ("svajp_vlevo", "svajp_vpravo"),
    ("круг_по_часовой", "круг_против_часовой"),
    ("змах_вліво", "змах_вправо"),
    ("deslizar_izquierda", "deslizar_derecha"),
    ("giro_horario", "giro_antihorario"),
    ("mover_esquerda", "mover_direita"),
    ("balayage_gauche", "balayage_droite"),
    ("wischen_links", "wischen_rechts"),
    ("im_uhrzeigersinn", "gegen_den_uhrzeigersinn"),
    ("scorri_sinistra", "scorri_destra"),
    ("w_lewo", "w_prawo"),
    ("sola_çek", "sağa_çek"),
    ("geser_kiri", "geser_kanan"),
    ("vuốt_trái", "vuốt_phải"),
    ("vuot_trai", "vuot_phai"),
    ("向左滑动", "向右滑动"),
    ("顺时针", "逆时针"),
    ("左にスワイプ", "右にスワイプ"),
    ("왼쪽으로", "오른쪽으로"),
    ("يسار", "يمين"),
    ("اليسار", "اليمين"),
    ("बाएँ_खिसकाएँ", "दाएँ_खिसकाएँ"),
    ("ปัดซ้าย", "ปัดขวา"),
    ("החלקה_שמאלה", "החלקה_ימינה"),
]
NO_DIRECTIONS = [
    "alright", "bright", "collect", "upright", "leftover", "copyright", "frightened", "cleft", "cc", "curl", "pearl",
    "lt", "derecho", "prawo", "право", "sol", "links", "thumbs_up", "ok", "l", "car", "call",
    "четыре", "кулак", "握拳", "dir", "you", "solo",
]  # fmt: skip


def test_every_pair_of_opposite_names_is_found_complete():
    assert [pair for pair in PAIRS if find_directions(["fist", *pair])[0] != list(pair)] == []


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_pair_stops_a_run_until_it_is_decided(pair):
    with pytest.raises(HandGesturesError, match=r"augmentation\.mirrored_classes") as caught:
        mirrored_labels(["fist", *pair], {}, flips=True)
    assert all(name in str(caught.value) for name in pair)
    assert mirrored_labels(["fist", *pair], {pair[0]: pair[1]}, flips=True)[pair[1]] == pair[0]
    mirrored_labels(["fist", *pair], {name: name for name in pair}, flips=True)


@pytest.mark.parametrize("name", ["circlecc", "circle_cc", "turn_cw", "rotate acw", "pushright", "leftswipe", "влево"])
def test_one_clear_name_is_enough(name):
    assert find_directions(["fist", name])[0] == [name]


@pytest.mark.parametrize("name", NO_DIRECTIONS)
def test_a_name_without_a_direction_neither_stops_nor_warns(name, caplog):
    assert mirrored_labels(["fist", name], {}, flips=True) == {"fist": "fist", name: name}
    assert not caplog.records


def test_all_names_without_directions_together_are_no_pair():
    assert find_directions(NO_DIRECTIONS) == ([], [])


def test_a_direction_inside_of_an_unknown_word_only_causes_a_warning(caplog):
    assert mirrored_labels(["fist", "zoomleftish"], {}, flips=True)["zoomleftish"] == "zoomleftish"
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "may contain a direction: zoomleftish;" in warning
    caplog.clear()
    mirrored_labels(["fist", "zoomleftish"], {"zoomleftish": "zoomleftish"}, flips=True)
    mirrored_labels(["fist", "zoomleftish"], {}, flips=False)
    assert not caplog.records


@pytest.mark.parametrize("name", ["swipe_l", "swipeR", "l_swipe", "hand r up", "Turn-L"])
def test_a_letter_of_a_direction_without_its_opposite_only_causes_a_warning(name, caplog):
    assert mirrored_labels(["fist", "wave", name], {}, flips=True)[name] == name
    (warning,) = [record.getMessage() for record in caplog.records]
    assert f"may contain a direction: {name};" in warning
    caplog.clear()
    mirrored_labels(["fist", "wave", name], {name: name}, flips=True)
    assert not caplog.records


@pytest.mark.parametrize("names", [["L", "fist"], ["r"], ["letter_a", "letter_l"], ["swirl", "curl", "lr"]])
def test_a_letter_that_is_no_direction_causes_no_warning(names):
    assert find_directions(names) == ([], [])


@pytest.mark.parametrize("prefix", ["", "letter_", "asl "])
def test_the_letters_of_an_alphabet_are_no_directions(prefix):
    assert find_directions([f"{prefix}{letter}" for letter in string.ascii_uppercase]) == ([], [])


def test_letters_of_four_directions_are_directions():
    assert find_directions([f"swipe_{letter}" for letter in "udlr"])[0] == ["swipe_l", "swipe_r"]


def test_a_word_of_two_meanings_counts_beside_its_opposite():
    assert find_directions(["derecho", "sol"])[0] == []
    assert find_directions(["puño_derecho", "mano_izquierdo"])[0] == ["puño_derecho", "mano_izquierdo"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_unicode_form_and_case_make_no_difference(form, change):
    for pair in PAIRS:
        if "L" in pair[0] or "CW" in pair[0]:  # capitals separate these words
            continue
        names = [unicodedata.normalize(form, change(name)) for name in pair]
        assert find_directions(names)[0] == names, names


@given(st.text(st.characters(categories=["L"]), max_size=8), st.text(st.characters(categories=["L"]), max_size=8))
def test_two_names_that_differ_only_in_left_and_right_are_always_found(before, after):
    pair = [f"{before}_left{after}", f"{before}_right{after}"]
    assert find_directions(["fist", *pair])[0] == pair


@given(st.lists(st.text(alphabet=string.ascii_lowercase + "_", min_size=1, max_size=6), min_size=1, unique=True))
def test_evidence_is_strong_or_weak_and_only_about_given_names(names):
    strong, weak = find_directions(names)
    assert not set(strong) & set(weak)
    assert set(strong + weak) <= set(names)
    assert mirrored_labels(names, {name: name for name in names}, flips=True) == {name: name for name in names}


def test_every_word_of_the_table_is_found_beside_its_opposites():
    for opposites in OPPOSITES:
        for one in opposites.first:
            for other in opposites.second:
                names = [f"a_{one.replace(' ', '_')}_b", f"c_{other.replace(' ', '_')}_d"]
                assert find_directions(names)[0] == names, names
