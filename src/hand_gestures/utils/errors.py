"""The error that is written for users, and how it is shown."""

import sys
from types import TracebackType


class HandGesturesError(Exception):
    """Something that the user can fix. The message is one sentence: rule, value, place, remedy."""


def user_error(error: BaseException | None) -> HandGesturesError | None:
    """The `HandGesturesError` that a framework has wrapped in its own error, or None."""
    while error is not None and not isinstance(error, HandGesturesError):
        error = error.__cause__
    return error


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
