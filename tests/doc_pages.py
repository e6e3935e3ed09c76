"""The contents of a page of documentation: its code blocks, commands, prose and tables."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
OUTSIDE_DOCS = ("README.md", "README.ru.md", "CONTRIBUTING.md", "notebooks/README.md")
PAGES = [*(ROOT / name for name in OUTSIDE_DOCS), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced code block: its language and its text."""

    language: str
    text: str


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The code blocks of a page, all or those of one language."""
    found = [Block(*block) for block in BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [block for block in found if language in (None, block.language)]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def table_rows(page: Path, first_column: str) -> list[list[str]]:
    """The rows below the header of the table whose first column has this name."""
    lines = prose(page).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    rows: list[list[str]] = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def commands() -> list[str]:
    """Every different line of all bash blocks, without comments, in the order of the pages."""
    texts = (block.text.replace("\\\n", " ") for page in PAGES for block in blocks(page, "bash"))
    lines = [line for text in texts for line in text.splitlines()]
    return list(dict.fromkeys(filter(None, (shlex.join(shlex.split(line, comments=True)) for line in lines))))


def option(words: list[str], name: str) -> list[str]:
    """The comma-separated values after each `--name`."""
    given = [words[index + 1] for index, word in enumerate(words) if word == name]
    return [part for value in given for part in value.split(",")]
