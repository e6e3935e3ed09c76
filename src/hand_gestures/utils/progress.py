"""Progress of long work: a bar on a terminal, a plain log line now and then elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 15.0


def progress(items: Iterable[Item], total: int, name: str) -> Iterator[Item]:
    """Yield `items` unchanged and show how many are done. Nothing is shown where there are no items.

    Args:
        items: taken one at a time.
        total: number of items.
        name: of the work, such as "embedding training clips".
    """
    if total == 0:
        yield from items
        return
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=name, leave=True, dynamic_ncols=True)
        return
    start = last_line = time.monotonic()
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last_line >= SECONDS_BETWEEN_LINES and done < total:
            last_line = now
            remaining = (now - start) / done * (total - done)
            logger.info("%s: %d of %d, about %.0f s left", name, done, total, remaining)
    logger.info("%s: %d of %d in %.0f s", name, done, total, time.monotonic() - start)
