import errno
import re
import subprocess
import sys

import pytest

from hand_gestures.utils.errors import HandGesturesError, user_error


def run(program):
    """A program of its own that shows user errors in one sentence."""
    head = (
        "from hand_gestures.utils.errors import HandGesturesError, show_user_errors_in_one_sentence\n"
        "show_user_errors_in_one_sentence()\n"
    )
    return subprocess.run([sys.executable, "-c", head + program], capture_output=True, text=True, check=False)


def wrapped(error, *frameworks):
    for framework in frameworks:
        try:
            raise framework("wrapped") from error
        except framework as caught:
            error = caught
    return error


@pytest.mark.parametrize("frameworks", [(), (RuntimeError,), (ValueError, RuntimeError, OSError)])
def test_the_user_error_is_found_behind_its_wrappers(frameworks):
    error = HandGesturesError("fix it")
    assert user_error(wrapped(error, *frameworks)) is error


def test_a_kind_of_user_error_is_one():
    class ModelUnavailable(HandGesturesError):  # noqa: N818
        pass

    error = ModelUnavailable("no network")
    assert user_error(wrapped(error, RuntimeError)) is error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "out/split.csv"),
        OSError(errno.EFBIG, "File too large", "out/split.csv"),
        RuntimeError("I/O error: No space left on device (os error 28)"),  # as safetensors says it
        RuntimeError("(sqlite3.OperationalError) database or disk is full"),
    ],
)
def test_a_full_disk_is_a_user_error_whatever_library_finds_it(error):
    sentence = str(user_error(wrapped(error, ValueError)))
    assert re.search(
        r"but (out/split\.csv|a file) could not be written \(.*\); free disk space and run again", sentence
    )
    assert "\n" not in sentence


@pytest.mark.parametrize("error", [None, ValueError("x"), wrapped(KeyError("x"), RuntimeError)])
def test_other_errors_are_not_user_errors(error):
    assert user_error(error) is None


@pytest.mark.parametrize(
    "program",
    [
        "raise HandGesturesError('frames_dir is no folder; give the right one')",
        "try:\n    raise HandGesturesError('frames_dir is no folder; give the right one')\n"
        "except HandGesturesError as error:\n    raise RuntimeError('node failed') from error",
    ],
    ids=["bare", "wrapped"],
)
def test_a_user_error_ends_the_program_in_one_line(program):
    ended = run(program)
    assert ended.stderr == "Error: frames_dir is no folder; give the right one\n"
    assert ended.stdout == ""
    assert ended.returncode == 1


def test_any_other_error_keeps_its_traceback():
    ended = run("def fall():\n    raise ValueError('a bug')\nfall()")
    assert ended.stderr.startswith("Traceback (most recent call last):")
    assert "in fall" in ended.stderr
    assert ended.stderr.endswith("ValueError: a bug\n")
    assert ended.returncode == 1


KEDRO_RUN = """
import logging
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner
from hand_gestures.utils.errors import hide_repeated_messages

def fail():
    raise {error}

logging.basicConfig(level=logging.INFO, force=True)
hide_repeated_messages()
SequentialRunner().run(Pipeline([node(fail, None, "out", name="fail")]), DataCatalog())
"""


def test_kedro_neither_repeats_a_user_error_nor_recommends_async():
    ended = run(KEDRO_RUN.format(error="HandGesturesError('give the right folder')"))
    assert ended.stderr.count("give the right folder") == 1
    assert "--async" not in ended.stderr


def test_kedro_still_logs_which_node_failed_with_a_bug():
    ended = run(KEDRO_RUN.format(error="ValueError('a bug')"))
    assert "failed with error" in ended.stderr
    assert "Traceback" in ended.stderr
