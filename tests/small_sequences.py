"""Small tables of sequences, and hypothesis settings for generated ones."""

import pandas as pd
from hypothesis import settings

# The same examples in every run, even on a slow machine.
FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=100)


def sequence_table(rows):
    """One sequence for each (class, video, group)."""
    table = pd.DataFrame(rows, columns=["class_name", "video_id", "group"])
    table.insert(0, "sequence_id", table["class_name"] + "/" + table["video_id"])
    return table


def alone(clips_per_class):
    """Every video is its own group."""
    return sequence_table(
        [(name, f"v{n}", f"{name}/v{n}") for name, count in clips_per_class.items() for n in range(count)]
    )


def by_performer(performers, classes=4, takes=2):
    """Every performer shows every class `takes` times."""
    return sequence_table(
        [
            (f"class{c}", f"p{p:02d}-{t}", f"p{p:02d}")
            for p in range(performers)
            for c in range(classes)
            for t in range(takes)
        ]
    )
