"""The error that is written for users, and how it is shown."""

import errno
import logging
import os
import sys
from types import TracebackType

DISK_ERRORS: dict[int | None, str] = {code: os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}
DISK_ERRORS[0] = "database or disk is full"  # how SQLite says it, without a number


class HandGesturesError(Exception):
    """Something that the user can fix. The message is one sentence: rule, value, place, remedy."""


def user_error(error: BaseException | None) -> HandGesturesError | None:
    """The `HandGesturesError` that a framework has wrapped in its own error, or None. A full disk is one too."""
    cause = error
    while cause is not None and not isinstance(cause, HandGesturesError):
        cause = cause.__cause__
    return cause or _disk_error(error)


def _disk_error(error: BaseException | None) -> HandGesturesError | None:
    """One sentence about a disk that takes no more; libraries keep the reason of the system as a number or as text."""
    while error is not None:
        text = DISK_ERRORS.get(getattr(error, "errno", None), str(error))
        if reason := next((reason for reason in DISK_ERRORS.values() if reason in text), None):
            file = getattr(error, "filename", None) or "a file"
            return HandGesturesError(
                f"a run needs space for its results, but {file} could not be written ({reason}); free disk space and "
                "run again: what is finished is kept"
            )
        error = error.__cause__ or error.__context__
    return None


def show_user_errors_in_one_sentence() -> None:
    """Print only the sentence of a `HandGesturesError` that ends the program; other errors keep their traceback."""
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        readable = user_error(error)
        if readable is None:
            previous(kind, error, trace)
        else:
            print(f"Error: {readable}", file=sys.stderr)

    sys.excepthook = hook


def hide_repeated_messages() -> None:
    """Hide two log lines of Kedro: the one that repeats a user error, and the one that recommends `--async`."""
    logging.getLogger("kedro.pipeline.node").addFilter(_is_no_user_error)
    logging.getLogger("kedro.runner.sequential_runner").addFilter(_recommends_nothing)


def _is_no_user_error(record: logging.LogRecord) -> bool:
    # Kedro logs the text of the error that it is about to raise again, and not the error
    return user_error(sys.exc_info()[1]) is None


def _recommends_nothing(record: logging.LogRecord) -> bool:
    return "--async" not in record.getMessage()  # the commands of this project refuse it
