"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 15.0


def progress(items: Iterable[Item], total: int, doing: str) -> Iterator[Item]:
    """Pass `items` on and show how far they are; `doing` names the work, e.g. "embedding train clips".

    Where there is nothing to do, nothing is said.
    """
    if total == 0:
        yield from items
        return
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=doing, leave=True, dynamic_ncols=True)
        return
    started = last = time.monotonic()
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES and done < total:
            last = now
            remaining = (now - started) / done * (total - done)
            logger.info("%s: %d of %d, about %.0f s left", doing, done, total, remaining)
    logger.info("%s: %d of %d in %.0f s", doing, done, total, time.monotonic() - started)
