"""Work in several processes: results in order, flat memory, no process left behind (docs/adr/0019 compares joblib)."""

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
    """`map(function, tasks)` in worker processes, at most a few tasks ahead of the consumer.

    Args:
        function: importable by its name, since workers are spawned.
        tasks: what `function` is called with; taken as they are needed.
        processes: number of workers; 1 works in this process. Workers end with this process, even after SIGKILL.

    Yields:
        The results in the order of the tasks.

    Raises:
        HandGesturesError: a worker died, for example because memory ran out.
    """
    if processes == 1:
        yield from map(function, tasks)
        return
    # spawn, because fork would copy locks that threads of OpenCV, torch or MLflow hold
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_start_worker)
    pending: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            pending.append(pool.submit(function, task))
            if len(pending) > 2 * processes:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise HandGesturesError(
            f"work in {processes} processes needs all of them, but one died (usually because memory ran out); "
            "run again with fewer processes: steps that keep finished work continue"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    import cv2

    cv2.setNumThreads(0)  # one thread per process
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # Ctrl-C reaches all processes of the terminal
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """Exit when the parent process dies: a parent that is killed by SIGKILL sends no notice."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
