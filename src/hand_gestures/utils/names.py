"""Names that users give to classes and videos: their one spelling, how they are shown, and file names made of them."""

import difflib
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable

MAX_BYTES = 100  # of a safe name; file systems allow 255 bytes for a whole file name
HASH_DIGITS = 8
PUNCTUATION = frozenset(" -_.,()")  # safe on every file system and in a URL
# Windows opens a device, whatever suffix follows.
DEVICES = {"CON", "PRN", "AUX", "NUL"} | {f"{port}{digit}" for port in ("COM", "LPT") for digit in "123456789¹²³"}
_LINE_BREAKS = {"Cc", "Zl", "Zp"}  # Unicode categories: control characters, line and paragraph separators


def nfc(name: str) -> str:
    """The one spelling of a name: two names that look the same are equal.

    macOS may write `é` as `e` with an accent (NFD), other systems write one character (NFC). Every name passes this
    function where it enters the program: from folders, from `split.lists` and from parameters. Paths keep the
    characters that they have on disk.

    Args:
        name: of a class, a video or a group.

    Returns:
        The name in Unicode normal form NFC.
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def has_control_character(name: str) -> bool:
    """Whether the name has a line break, a tab or another control character.

    Args:
        name: any text.
    """
    return not name.isprintable() and any(unicodedata.category(letter) in _LINE_BREAKS for letter in name)


def escape_control_characters(name: str) -> str:
    """Show a name on one line: a line break becomes `\\n`, another control character for example `\\x07`.

    Args:
        name: any text.

    Returns:
        The name without control characters; all other characters stay.
    """
    if not has_control_character(name):
        return name
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in _LINE_BREAKS else letter
        for letter in name
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known name that is most similar to a wrong one, for an error message.

    Args:
        name: the wrong name.
        known: the names that exist.

    Returns:
        For example " (did you mean 'train'?)", or "" where no name is similar.
    """
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def safe_name(name: str) -> str:
    """A file name, without suffix, for a name that a user chose.

    It is safe on Linux, macOS and Windows and in an artifact path of MLflow. A name that had to be changed ends with a
    hash of the original, so that different names stay different. For several names in one folder use `safe_names`.

    Args:
        name: any text.

    Returns:
        At most `MAX_BYTES` bytes: letters and digits of any script, and `PUNCTUATION`.

    Example:
        >>> safe_name("two hands"), safe_name("what?")
        ('two hands', 'what-5f6c857a')
    """
    name = nfc(name)
    return name if name and _readable(name) == name else _with_hash(name)


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """File names, without suffix, for all names of one folder.

    Args:
        names: all names, for example the classes; repeats are ignored.

    Returns:
        Name → file name. No two are equal, even on a disk that ignores upper and lower case: `Wave` and `wave` get the
        hash of `safe_name`.
    """
    safe = {name: safe_name(name) for name in names}
    uses = Counter(_ignoring_case(file_name) for file_name in safe.values())
    return {
        name: _with_hash(nfc(name)) if uses[_ignoring_case(file_name)] > 1 else file_name
        for name, file_name in safe.items()
    }


def differing_only_in_case(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that are equal if upper and lower case are ignored.

    Args:
        names: each once.

    Returns:
        The groups of at least two names, ordered.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(_ignoring_case(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _ignoring_case(name: str) -> str:
    return nfc(name.casefold())


def name_hash(name: str) -> str:
    """A short hash that distinguishes changed names.

    Args:
        name: any text.

    Returns:
        `HASH_DIGITS` hexadecimal digits.
    """
    return hashlib.blake2b(name.encode(errors="surrogatepass")).hexdigest()[:HASH_DIGITS]


def _with_hash(name: str) -> str:
    digest = name_hash(name)
    stem = _readable(name, MAX_BYTES - 1 - HASH_DIGITS)
    return f"{stem}-{digest}" if stem else digest


def _readable(name: str, max_bytes: int = MAX_BYTES) -> str:
    """The name with a dash for each run of unsafe characters, cut to `max_bytes`; "" if nothing is left."""
    letters: list[str] = []
    for letter in name:
        if letter in PUNCTUATION or unicodedata.category(letter)[0] in "LMN":  # marks belong to letters: हाथ
            letters.append(letter)
        elif letters[-1:] != ["-"]:
            letters.append("-")
    # Windows drops dots and spaces at the end; a dot or dash at the start hides a file or looks like an option
    plain = "".join(letters).strip(" .-")
    if plain.partition(".")[0].rstrip().upper() in DEVICES:
        plain = f"_{plain}"
    return plain.encode()[:max_bytes].decode(errors="ignore").rstrip(" .-")  # the cut may go through a character
