"""Each message that docs/errors.md quotes is one that the program still gives."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from doc_pages import ROOT, blocks
from hand_gestures.parameters import check_parameters
from hand_gestures.utils.errors import HandGesturesError

QUOTED = [block.text.strip() for block in blocks(ROOT / "docs" / "errors.md", "text")]
OF_PARAMETERS = [message for message in QUOTED if message.startswith("parameter ")]
LEAST = 40  # letters of a message that must be the program's own
HOLE = "\0"


def template(node: ast.AST) -> str | None:
    """A text of the source, with a hole for each value that is put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
    return None


def templates() -> list[str]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "src").rglob("*.py"))
    found = (template(node) for tree in trees for node in ast.walk(tree) if not isinstance(node, ast.FormattedValue))
    return [text for text in found if text and len(text.replace(HOLE, "")) >= LEAST]


TEMPLATES = templates()


def is_given(message: str) -> bool:
    return any(re.fullmatch(".+?".join(map(re.escape, text.split(HOLE))), message) for text in TEMPLATES)


@pytest.mark.parametrize("message", [message for message in QUOTED if message not in OF_PARAMETERS])
def test_a_quoted_message_is_in_the_source(message):
    assert is_given(message)


def test_a_message_of_another_wording_is_not():
    message = next(message for message in QUOTED if message not in OF_PARAMETERS)
    assert is_given(message)
    assert not is_given(message.replace("; ", ", so "))


@pytest.mark.parametrize(("topic", "name", "value"), [("training", "epoch", 3), ("split", "val_fraction", 1.5)])
def test_the_quoted_messages_on_parameters_are_raised(topic, name, value):
    parameters: dict = {}
    for path in sorted(Path(ROOT, "conf", "base").glob("parameters*.yml")):
        parameters |= yaml.safe_load(path.read_text(encoding="utf-8"))
    parameters[topic][name] = value
    with pytest.raises(HandGesturesError) as error:
        check_parameters(parameters)
    assert str(error.value) in OF_PARAMETERS
    assert len(OF_PARAMETERS) == 2
