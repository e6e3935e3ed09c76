"""What a run logs reaches MLflow, or is kept until MLflow answers again: a lost server costs no training."""

import errno
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES, MLFLOW_HTTP_REQUEST_TIMEOUT
from mlflow.exceptions import MlflowException

from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)

RETRY_SECONDS = 30  # a lost server is asked this often
QUICK_SECONDS = 3  # and has this long to answer: the training waits meanwhile

# MLflow itself tries eight times with pauses of four minutes in all, and waits two minutes for each answer.
REQUEST_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


class Delivery:
    """Sends operations in their order. When MLflow is lost it warns once, and keeps them in memory.

    Example:
        >>> delivery = Delivery()
        >>> delivery.send(lambda: None)
        >>> delivery.flush()
        0
    """

    def __init__(self) -> None:
        self.lost = False
        self._waiting: deque[Callable[[], Any]] = deque()
        self._next_try = 0.0
        self._lock = threading.RLock()  # nodes may run in threads; a signal handler may interrupt a delivery

    def send(self, operation: Callable[[], Any]) -> None:
        """Carry out an operation now, or later if MLflow is lost.

        Args:
            operation: calls MLflow; it may be called again after a failure.

        Raises:
            Exception: the operation failed for another reason than that MLflow is lost.
        """
        with self._lock:
            self._waiting.append(operation)
            if not self.lost:
                self._deliver()
            elif time.monotonic() >= self._next_try:
                with quick_requests():
                    self._deliver()

    def flush(self) -> int:
        """Send what is kept.

        Returns:
            Number of operations that MLflow still has not got.
        """
        with self._lock, quick_requests():
            self._deliver()
            return len(self._waiting)

    def discard(self) -> None:
        """Forget what is kept, when its run has ended."""
        with self._lock:
            self._waiting.clear()
            self.lost = False

    def _deliver(self) -> None:
        while self._waiting:
            try:
                self._waiting[0]()
            except Exception as error:
                if is_lost(error):
                    self._lose(error)
                    return
                self._waiting.popleft()
                if not self.lost:
                    raise
                logger.warning("MLflow refused what was kept for it (%s)", lost_reason(error))
            else:
                self._waiting.popleft()
        if self.lost:
            logger.info("MLflow answers again and has got everything that was kept for it")
            self.lost = False

    def _lose(self, error: Exception) -> None:
        if not self.lost:
            logger.warning(
                "MLflow does not answer (%s): the run goes on, and what it logs is kept until MLflow answers again",
                lost_reason(error),
            )
        self.lost = True
        self._next_try = time.monotonic() + RETRY_SECONDS


def is_lost(error: BaseException) -> bool:
    """Whether an error says that MLflow or its disk is not there, so that the same operation may succeed later.

    Args:
        error: what an operation raised.
    """
    if isinstance(error, MlflowException):
        return int(error.get_http_status_code()) >= 500
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or isinstance(error, requests.RequestException | ConnectionError | TimeoutError)


def lost_reason(error: BaseException) -> str:
    """The first cause of an error in a few words."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return " ".join(str(error).split())[:200] or type(error).__name__


@contextmanager
def require_answer(uri: str) -> Iterator[None]:
    """Make a lost MLflow an error of one sentence: for the start of a run, before anything is computed.

    Args:
        uri: of MLflow.

    Raises:
        HandGesturesError: MLflow does not answer.
    """
    try:
        yield
    except Exception as error:
        if not is_lost(error):
            raise
        location = urlsplit(uri)
        shown = f"{location.scheme}://{location.hostname}:{location.port}" if location.hostname else uri  # no password
        raise HandGesturesError(
            f"runs are recorded by MLflow at {shown}, but that failed ({lost_reason(error)}); start the server, or set "
            "TRACKING_URI to another store"
        ) from error


@contextmanager
def quick_requests() -> Iterator[None]:
    """Ask a server once, and wait `QUICK_SECONDS` for the answer."""
    wanted = {MLFLOW_HTTP_REQUEST_MAX_RETRIES: 0, MLFLOW_HTTP_REQUEST_TIMEOUT: QUICK_SECONDS}
    before = {variable: variable.get_raw() for variable in wanted}
    for variable, value in wanted.items():
        variable.set(value)
    try:
        yield
    finally:
        for variable, value in before.items():
            variable.unset() if value is None else variable.set(value)
