"""Every message quoted in docs/errors.md is a message of the program."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from doc_pages import ROOT, blocks
from hand_gestures.parameters import check_parameters
from hand_gestures.utils.errors import HandGesturesError

QUOTED = [block.text.strip() for block in blocks(ROOT / "docs" / "errors.md", "text")]
PARAMETER_MESSAGES = [message for message in QUOTED if message.startswith("parameter ")]
MIN_LETTERS = 40  # a shorter text of the source would match too many messages
PLACEHOLDER = "\0"


def template(node: ast.AST) -> str | None:
    """A string of the source, with a placeholder for each formatted value; None for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else PLACEHOLDER for part in node.values)
    return None


def templates() -> list[str]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "src").rglob("*.py"))
    found = (template(node) for tree in trees for node in ast.walk(tree) if not isinstance(node, ast.FormattedValue))
    return [text for text in found if text and len(text.replace(PLACEHOLDER, "")) >= MIN_LETTERS]


TEMPLATES = templates()


def is_in_source(message: str) -> bool:
    return any(re.fullmatch(".+?".join(map(re.escape, text.split(PLACEHOLDER))), message) for text in TEMPLATES)


@pytest.mark.parametrize("message", [message for message in QUOTED if message not in PARAMETER_MESSAGES])
def test_a_quoted_message_is_in_the_source(message):
    assert is_in_source(message)


def test_a_message_with_different_words_is_not_in_the_source():
    message = next(message for message in QUOTED if message not in PARAMETER_MESSAGES)
    assert is_in_source(message)
    assert not is_in_source(message.replace("; ", ", so "))


@pytest.mark.parametrize(("topic", "name", "value"), [("training", "epoch", 3), ("split", "val_fraction", 1.5)])
def test_the_quoted_parameter_messages_are_raised(topic, name, value):
    parameters: dict = {}
    for path in sorted(Path(ROOT, "conf", "base").glob("parameters*.yml")):
        parameters |= yaml.safe_load(path.read_text(encoding="utf-8"))
    parameters[topic][name] = value
    with pytest.raises(HandGesturesError) as error:
        check_parameters(parameters)
    assert str(error.value) in PARAMETER_MESSAGES
    assert len(PARAMETER_MESSAGES) == 2
