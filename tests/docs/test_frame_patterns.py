"""The examples of frame patterns on the page about your data match the paths beside them."""

import re

import pytest
import yaml

from doc_pages import ROOT, blocks, prose
from hand_gestures.video.frame_names import parse_frame_name

PAGE = ROOT / "docs" / "your-data.md"
SETTINGS = [yaml.safe_load(block.text) for block in blocks(PAGE, "yaml")]
PATTERNS = [topics["frame_catalog"]["frame_pattern"] for topics in SETTINGS if "frame_catalog" in topics]
PATHS = re.findall(r"such as `wave/(\S+\.jpg)`:", prose(PAGE))


def test_there_are_two_examples():
    assert len(PATTERNS) == len(PATHS) == 2


@pytest.mark.parametrize(("pattern", "path"), zip(PATTERNS, PATHS, strict=True))
def test_an_example_matches_its_path(pattern, path):
    assert parse_frame_name(path, pattern)
    assert not parse_frame_name(path)
