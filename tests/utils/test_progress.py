import logging
import os
import subprocess
import sys
import termios

import pytest

from hand_gestures.utils import progress as module
from hand_gestures.utils.progress import progress


@pytest.fixture
def lines(caplog, capsys):
    """The lines logged so far; standard error is no terminal here."""
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


def test_items_pass_unchanged_and_in_order(lines):
    items = [object(), None, 3]
    assert list(progress(iter(items), 3, "reading")) == items


def test_quick_work_is_one_plain_line_at_its_end(lines, capsys):
    passing = progress(range(5), 5, "reading frames")
    assert [next(passing) for _ in range(5)] == list(range(5))
    assert lines() == []
    assert next(passing, "end") == "end"
    assert lines() == ["reading frames: 5 of 5 in 0 s"]
    assert capsys.readouterr() == ("", "")


def test_long_work_says_now_and_then_how_far_it_is(lines, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    list(progress("abc", 3, "reading"))
    assert lines() == [
        "reading: 1 of 3, about 0 s left",
        "reading: 2 of 3, about 0 s left",
        "reading: 3 of 3 in 0 s",
    ]


def test_the_first_line_comes_after_five_seconds_and_further_ones_every_fifteen(lines, monkeypatch):
    clock = iter([0, 2, 4, 5, 12, 19, 20, 34, 35, 36, 36])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    list(progress(range(9), 9, "reading"))
    assert [line.split(",")[0].removeprefix("reading: ") for line in lines()] == [
        "3 of 9",
        "6 of 9",
        "8 of 9",
        "9 of 9 in 36 s",
    ]


@pytest.mark.parametrize(("seconds", "shown"), [(4, []), (6, ["reading: 1 of 1 in 6 s"])])
def test_work_that_is_nearly_always_quick_can_be_shown_only_if_it_is_slow(lines, monkeypatch, seconds, shown):
    clock = iter([0, seconds, seconds])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    list(progress("a", 1, "reading", quiet_seconds=5))
    assert lines() == shown


def test_no_items_are_not_worth_a_line(lines, capsys):
    """A split without a test side, say: nothing was done, so there is nothing to say."""
    assert list(progress([], 0, "reading")) == []
    assert lines() == []
    assert capsys.readouterr() == ("", "")


def test_items_are_taken_one_at_a_time(lines):
    taken = []
    passing = progress((taken.append(n) or n for n in range(3)), 3, "reading")
    assert taken == []
    next(passing)
    assert taken == [0]


def test_an_error_among_the_items_comes_through(lines):
    def items():
        yield 1
        raise ValueError("broken")

    passing = progress(items(), 2, "reading")
    assert next(passing) == 1
    with pytest.raises(ValueError, match="broken"):
        next(passing)
    assert lines() == []


def test_a_terminal_shows_a_bar():
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    program = "from hand_gestures.utils.progress import progress\nlist(progress(range(4), 4, 'reading'))"
    subprocess.run([sys.executable, "-c", program], stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "\r" in shown
    assert "reading: 100%" in shown
    assert "4/4" in shown
