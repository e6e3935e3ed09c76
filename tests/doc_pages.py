"""What a page of documentation holds: its blocks of code, its commands, its links."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
BESIDE = ("README.md", "README.ru.md", "CONTRIBUTING.md", "notebooks/README.md")
PAGES = [*(ROOT / name for name in BESIDE), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block of code: its language, and what is in it."""

    language: str
    text: str


def blocks(page: Path, language: str | None = None) -> list[Block]:
    found = [Block(*block) for block in BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [block for block in found if language in (None, block.language)]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def commands() -> list[str]:
    """Every line of every bash block, without comments, once, as pages give them."""
    whole = (block.text.replace("\\\n", " ") for page in PAGES for block in blocks(page, "bash"))
    lines = [line for text in whole for line in text.splitlines()]
    return list(dict.fromkeys(filter(None, (shlex.join(shlex.split(line, comments=True)) for line in lines))))


def option(words: list[str], name: str) -> list[str]:
    """What stands behind each `--name`, at its commas."""
    given = [words[place + 1] for place, word in enumerate(words) if word == name]
    return [one for value in given for one in value.split(",")]
