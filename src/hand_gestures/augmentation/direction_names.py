"""Class names that contain a direction that a mirror changes: left and right, clockwise and counterclockwise.

A name with such a word, or a pair of names that differ only in it, is strong evidence. A word inside of another word is
weak evidence: "bright" is no direction. Names are compared in Unicode form NFC and without upper and lower case. No
list of words is complete: `hand_gestures.evaluation.mirror_audit` checks the embeddings themselves.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple


class Opposites(NamedTuple):
    """Words of two opposite directions in one language.

    Attributes:
        first: words of one direction; words with a space between them are a phrase.
        second: words of the other direction.
        clear: they mean nothing else. Other words, such as the Spanish "derecho", which is also the law, count only if
            another class has a word of the other direction.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    clear: bool = True


def _words(text: str) -> tuple[str, ...]:
    return tuple(_plain(word.strip()) for word in text.split(","))


def _plain(text: str) -> str:
    # twice: without upper and lower case, some letters are separate from their accents again
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


# In scripts without upper and lower case, words are written together or with prefixes, so they match anywhere.
OPPOSITES = [
    Opposites(first=_words(first), second=_words(second), clear=clear)
    for clear, first, second in (
        # English
        (True, "left, leftward, leftwards, lefthand, lefthanded",
         "right, rightward, rightwards, righthand, righthanded"),
        (True, "clockwise, cw", "counterclockwise, anticlockwise, contraclockwise, ccw, acw, anticw"),
        (False, "lft, lt, lh", "rgt, rt, rh"),
        # Russian, also in Latin letters
        (True, "влево, налево, слева, лево, левый, левая, левое, левую, левой",
         "вправо, направо, справа, правый, правая, правую"),
        (False, "лево, левая, ліва", "право, правое, правой, права"),
        (True, "по часовой, почасовой", "против часовой, противчасовой"),
        (True, "vlevo, nalevo", "vpravo, napravo"),
        (False, "levo, levyj, levaya, sleva", "pravo, pravyj, pravaya, sprava"),
        # Ukrainian
        (True, "вліво, ліворуч, наліво, лівий, ліва", "вправо, праворуч, правий"),
        # Polish, Czech
        (True, "w lewo, lewo, lewa, lewy, lewej", "w prawo, prawej"),
        (False, "lewo, lewa, lewy", "prawo, prawa, prawy"),
        (False, "vlevo, doleva, levá, leva", "vpravo, doprava, pravá, prava"),
        # Spanish, Portuguese, French, Italian, Romanian
        (True, "izquierda, izquierdo", "derecha"),
        (False, "izquierda, izquierdo, izq", "derecho, der, dcha"),
        (True, "esquerda, esquerdo", "direita"),
        (False, "esquerda, esquerdo, esq", "direito, dir"),
        (True, "gauche", "droite"),
        (False, "gauche", "droit"),
        (True, "sinistra, sinistro", "destra"),
        (False, "sinistra, sinistro, sx", "destro, dx"),
        (True, "stânga, stanga", "dreapta"),
        (True, "sentido horario, sentido horário, sens horaire, senso orario",
         "antihorario, antihorário, anti horario, anti horário, antihoraire, anti horaire, antiorario, anti orario"),
        (False, "horario, horário, horaire, orario", "antihorario, antihorário, antihoraire, antiorario"),
        # German, Dutch, Scandinavian languages, Finnish
        (True, "nach links", "rechts"),
        (False, "links, linke, linker", "rechts, rechte, rechter"),
        (True, "uhrzeigersinn, rechtsherum", "gegenuhrzeigersinn, linksherum"),
        (True, "vänster", "höger"),
        (True, "venstre", "højre, høyre"),
        (True, "vasemmalle, vasen", "oikealle"),
        # Turkish, Hungarian
        (True, "sola doğru", "sağa, sağ"),
        (False, "sol, sola", "sağ, sağa, sag, saga"),
        (True, "saat yönünde, saat yönü", "saat yönünün tersine, saat yönünün tersi"),
        (False, "bal, balra", "jobb, jobbra"),
        # Greek
        (True, "αριστερά, αριστερα, αριστερό", "δεξιά, δεξια, δεξί"),
        # Indonesian and Malay, Filipino, Vietnamese, also without diacritics
        (True, "kiri", "kanan"),
        (True, "kaliwa", "kanan"),
        (True, "searah jarum jam", "berlawanan jarum jam, berlawanan arah jarum jam"),
        (False, "trái, trai", "phải, phai"),
        (True, "bên trái, sang trái", "bên phải, sang phải"),
        # Japanese, Chinese and Korean, also in Latin letters
        (True, "左, ひだり, ヒダリ", "右, みぎ, ミギ"),
        (True, "順時針, 顺时针, 時計回り, 時計まわり", "逆時針, 逆时针, 反時計回り"),
        (False, "hidari, zuo, xiangzuo", "migi, you, xiangyou"),
        (True, "왼쪽, 왼손, 왼편, 좌측, 좌회전", "오른쪽, 오른손, 오른편, 우측, 우회전"),
        (True, "시계방향, 시계 방향", "반시계"),
        # Arabic, Persian, Urdu, Hebrew
        (True, "يسار", "يمين"),
        (True, "عقارب الساعة", "عكس عقارب"),
        (False, "چپ", "راست"),
        (True, "بائیں", "دائیں"),
        (True, "שמאל", "ימין, ימינה"),
        # Hindi, Bengali, Thai
        (True, "बाएं, बाएँ, बायां, बायाँ, बाईं", "दाएं, दाएँ, दायां, दायाँ, दाईं"),
        (True, "दक्षिणावर्त", "वामावर्त"),
        (False, "বাম", "ডান"),
        (True, "ซ้าย", "ขวา"),
    )
]  # fmt: skip
LETTERS_BESIDE = set("lrudfb")  # with other letters beside l and r, the classes are an alphabet
MIN_LETTERS = 3  # a shorter word inside of another one is chance

MOTIONS = (
    "swipe|slide|move|turn|rotate|rotation|rot|point|wave|push|pull|pan|tilt|drag|throw|scroll|flick|look|lean|hand|arm|"
    "finger|thumb|thumbs|palm|fist|roll|circle|shift|go|wipe|sweep|nod|head|tap|spin|twist|swing|step"
)
COMPOUND = re.compile(rf"(?:{MOTIONS})(?:left|right|c?cw|acw)|(?:left|right)(?:{MOTIONS})")
CIRCLES = "circle|circular|rotate|rotation|rot|turn|spin|roll|twist|screw|swirl"
COUNTERCLOCKWISE_CIRCLE = re.compile(rf"(?:{CIRCLES})cc")
ORDINARY_WORDS = {
    "alright", "birthright", "blinks", "bright", "brighten", "brighter", "brightly", "brightness", "cleft", "copyright",
    "downright", "forthright", "fright", "frighten", "frightened", "leftist", "leftover", "leftovers", "outright",
    "playwright", "righteous", "upright", "wright",
}  # fmt: skip


def find_directions(class_names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Find the classes whose names contain a direction that a mirror changes.

    Args:
        class_names: the classes of the data set.

    Returns:
        Classes with strong evidence, and other classes with weak evidence, both in the order of `class_names`.
    """
    names = {name: _split(name) for name in class_names}
    strong = _with_words(names) | _with_compounds(names) | _pairs(names)
    weak = (_with_parts_of_words(names) | _with_lone_letters(names)) - strong
    return [name for name in names if name in strong], [name for name in names if name in weak]


def _split(name: str) -> str:
    """`"swipeLeft-2"` → `" swipe left "`: the words of a name, each between spaces."""
    characters, previous = [], " "
    name = unicodedata.normalize("NFC", name)
    for character, following in zip(name, name[1:] + " ", strict=True):
        # vowel signs of Hindi and Thai are marks: no letters, but parts of words
        if not character.isalpha() and not unicodedata.category(character).startswith("M"):
            characters.append(" ")
        else:
            starts_word = character.isupper() and (previous.islower() or (previous.isupper() and following.islower()))
            characters.append(f" {character}" if starts_word else character)
        previous = character
    return f" {' '.join(_plain(''.join(characters)).split())} "


def _contains(text: str, word: str) -> bool:
    without_case = word.upper() == word.lower()
    return word in text if without_case else f" {word} " in text


def _with_words(names: dict[str, str]) -> set[str]:
    found = set()
    for opposites in OPPOSITES:
        first, second = (
            {name for name, text in names.items() if any(_contains(text, word) for word in words)}
            for words in opposites[:2]
        )
        if opposites.clear or (first - second and second - first):
            found |= first | second
    return found


def _with_compounds(names: dict[str, str]) -> set[str]:
    """`"swipeleft"`, `"turnccw"`; `"circlecc"` and `"turn_cc"`."""
    found = set()
    for name, text in names.items():
        words = text.split()
        glued = any(COMPOUND.fullmatch(word) or COUNTERCLOCKWISE_CIRCLE.fullmatch(word) for word in words)
        if glued or ("cc" in words and any(re.fullmatch(CIRCLES, word) for word in words)):
            found.add(name)
    return found


def _pairs(names: dict[str, str]) -> set[str]:
    """Names that differ only in two opposite words, also inside of a word, or in the separate letters l and r."""
    by_text: dict[str, set[str]] = {}
    for name, text in names.items():
        by_text.setdefault(text, set()).add(name)
    found: set[str] = set()
    for text, opposites in product(by_text, OPPOSITES):
        for one, other in product(*opposites[:2]):
            if len(one) >= MIN_LETTERS <= len(other):
                for match in re.finditer(re.escape(one), text):
                    found |= _both(by_text, text, text[: match.start()] + other + text[match.end() :])
    for text in by_text:
        for template in _templates(by_text, text, "l"):
            found |= _both(by_text, text, "r".join(template))
    return found


def _templates(texts: Iterable[str], text: str, letter: str) -> Iterator[tuple[str, str]]:
    """What stands before and after a separate letter l or r, where the letters of other names make no alphabet."""
    for match in re.finditer(f" {letter} ", text):
        template = (text[: match.start()] + " ", " " + text[match.end() :])
        beside = {other[len(template[0]) : len(other) - len(template[1])] for other in _fitting(texts, template)}
        if {name for name in beside if len(name) == 1} <= LETTERS_BESIDE:
            yield template


def _with_lone_letters(names: dict[str, str]) -> set[str]:
    """`"swipe_l"` without a `"swipe_r"`. A name that is a single letter is a letter."""
    texts = set(names.values())
    return {
        name
        for name, text in names.items()
        if len(text.split()) > 1 and any(True for letter in "lr" for _ in _templates(texts, text, letter))
    }


def _fitting(texts: Iterable[str], template: tuple[str, str]) -> list[str]:
    start, end = template
    return [t for t in texts if t.startswith(start) and t.endswith(end) and len(t) > len(start) + len(end)]


def _both(by_text: dict[str, set[str]], one: str, other: str) -> set[str]:
    return by_text[one] | by_text[other] if other in by_text else set()


def _with_parts_of_words(names: dict[str, str]) -> set[str]:
    """A clear direction of four letters or more inside of a word that is not known to be another one."""
    words = [
        word
        for opposites in OPPOSITES
        if opposites.clear
        for word in (*opposites.first, *opposites.second)
        if len(word) > MIN_LETTERS and word.upper() != word.lower()
    ]
    return {
        name
        for name, text in names.items()
        if any(word in part and part not in ORDINARY_WORDS for part in text.split() for word in words)
    }
