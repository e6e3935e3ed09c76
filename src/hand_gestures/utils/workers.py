"""Work in several processes: results in order, memory flat, nobody left behind."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from hand_gestures.utils.errors import HandGesturesError

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(function: Callable[[Task], Result], tasks: Iterable[Task], processes: int) -> Iterator[Result]:
    """`map(function, tasks)` by `processes` processes: results come in the order of the tasks, a few ahead.

    With one process, here and now. The processes end when this one does, killed or not.

    Raises:
        HandGesturesError: a process died, of too little memory for instance.
    """
    if processes == 1:
        yield from map(function, tasks)
        return
    # spawn: fork would copy the locks of threads that OpenCV, torch or MLflow have started
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_prepare)
    ahead: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            ahead.append(pool.submit(function, task))
            if len(ahead) > 2 * processes:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    except BrokenProcessPool as error:
        raise HandGesturesError(
            f"work in {processes} processes needs all of them, but one died (too little memory is the usual cause); "
            "run again with fewer processes: what is finished is kept where the step says so"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """Let this process end at once with Ctrl-C, and with its parent, of which a killed one tells nobody."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    threading.Thread(target=_wait_for_end_of_parent, daemon=True).start()


def _prepare() -> None:
    import cv2

    cv2.setNumThreads(0)  # one thread a process
    end_with_parent()


def _wait_for_end_of_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
