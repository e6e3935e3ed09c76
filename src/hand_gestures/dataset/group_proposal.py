"""Propose a `split.group_pattern`: a part of the video ids that may name the performer or the recording."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

# In order of preference: a word for a person and its number, a prefix, a suffix. A number at the end is not in the
# list: it counts the takes of one person as often as it names a person.
PATTERNS = (
    r"(?i)((?:performer|person|subject|user|signer|actor|speaker|participant)[-_]?\d+)",
    r"^([A-Za-z]+\d+)[-_. ]",
    r"^([A-Za-z]+)[-_. ]",
    r"^(\d+)[-_. ]",
    r"[-_. ]([A-Za-z]+\d+)$",
    r"[-_. ]([A-Za-z]+)$",
    r"^([A-Za-z]+)\d+$",
)


class GroupProposal(NamedTuple):
    """A pattern and what it finds.

    Attributes:
        pattern: regular expression for `split.group_pattern`.
        clips: number of clips of each group.
        fewest: number of groups in the class that has fewest.
    """

    pattern: str
    clips: Counter[str]
    fewest: int


def propose_groups(videos: Sequence[tuple[str, str]]) -> GroupProposal | None:
    """Find a pattern that may divide the clips into groups.

    Args:
        videos: (class, video id) of each clip.

    Returns:
        The first pattern that matches every video id, finds several groups in each class, and puts at least two
        clips into one group; None if no pattern does.
    """
    for pattern in PATTERNS:
        matches = [(class_name, re.search(pattern, video_id)) for class_name, video_id in videos]
        groups = [(class_name, match.group(1)) for class_name, match in matches if match]
        if not groups or len(groups) < len(videos):
            continue
        by_class = Counter(class_name for class_name, _ in set(groups))
        clips = Counter(group for _, group in groups)
        if min(by_class.values()) >= 2 and max(clips.values()) >= 2:
            return GroupProposal(pattern, clips, min(by_class.values()))
    return None
