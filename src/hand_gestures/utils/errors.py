"""The one error that users are meant to read, and how it is shown."""

import sys
from types import TracebackType


class HandGesturesError(Exception):
    """Something the user can mend: the message gives the rule, the value, the place and the remedy."""


def user_error(error: BaseException | None) -> HandGesturesError | None:
    """The `HandGesturesError` behind `error`, which a framework may have wrapped in its own."""
    while error is not None and not isinstance(error, HandGesturesError):
        error = error.__cause__
    return error


def show_user_errors_in_one_sentence() -> None:
    """Print a `HandGesturesError` that ends the program as its sentence; other errors keep their traceback."""
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        readable = user_error(error)
        if readable is None:
            previous(kind, error, trace)
        else:
            print(f"Error: {readable}", file=sys.stderr)

    sys.excepthook = hook
