"""Progress of long work: a bar on a terminal, a plain log line now and then elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 15.0
SECONDS_TO_FIRST_LINE = 5.0


def progress(items: Iterable[Item], total: int, name: str, quiet_seconds: float = 0.0) -> Iterator[Item]:
    """Yield `items` unchanged and show how many are done. Nothing is shown where there are no items.

    Args:
        items: taken one at a time.
        total: number of items.
        name: of the work, such as "embedding training clips".
        quiet_seconds: nothing is shown if all work takes less.
    """
    if total == 0:
        yield from items
        return
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=name, leave=True, dynamic_ncols=True, delay=quiet_seconds)
        return
    start = time.monotonic()
    next_line, done = start + min(SECONDS_TO_FIRST_LINE, SECONDS_BETWEEN_LINES), 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now >= next_line and done < total:
            next_line = now + SECONDS_BETWEEN_LINES
            remaining = (now - start) / done * (total - done)
            logger.info("%s: %d of %d, about %.0f s left", name, done, total, remaining)
    seconds = time.monotonic() - start
    if seconds >= quiet_seconds:
        logger.info("%s: %d of %d in %.0f s", name, done, total, seconds)
