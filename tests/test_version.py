import re
from pathlib import Path

import hand_gestures

ROOT = Path(__file__).parents[1]


def test_the_newest_release_of_the_changelog_is_this_version():
    releases = re.findall(r"^## \[(.+?)\] - (Unreleased|\d{4}-\d{2}-\d{2})$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert releases[0][0] == hand_gestures.__version__
