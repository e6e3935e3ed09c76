import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.workers import in_processes


def slow_first(number):
    time.sleep(0.3 if number == 0 else 0.0)
    return number, os.getpid()


def die_at_three(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse(number):
    raise HandGesturesError(f"number {number} must be even")


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_tasks(processes):
    results = list(in_processes(slow_first, range(20), processes))
    assert [number for number, _ in results] == list(range(20))
    workers = {worker for _, worker in results}
    assert (workers == {os.getpid()}) == (processes == 1)


def test_without_tasks_there_are_no_results():
    assert list(in_processes(slow_first, [], 2)) == []


def test_only_a_few_tasks_are_taken_ahead():
    taken = []
    results = in_processes(slow_first, (taken.append(n) or n for n in range(100)), 2)
    next(results)
    assert len(taken) <= 6
    results.close()
    assert len(taken) <= 6


def test_a_process_that_dies_is_one_sentence():
    with pytest.raises(HandGesturesError, match=r"one died .* run again with fewer processes") as caught:
        list(in_processes(die_at_three, range(8), 2))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_comes_through_as_it_is(processes):
    with pytest.raises(HandGesturesError, match="number 1 must be even"):
        list(in_processes(refuse, [1, 2], processes))


@pytest.mark.parametrize("end", [lambda results: results.close(), list])
def test_no_process_is_left_when_the_results_end(end):
    results = in_processes(slow_first, range(8), 2)
    _, worker = next(results)
    end(results)
    assert not psutil.pid_exists(worker)


BUSY = """
import time
from hand_gestures.utils.workers import in_processes

def work(number):
    import os
    os.write(1, b"%d\\n" % os.getpid())  # at once: two lines must not mix
    time.sleep(600)

if __name__ == "__main__":
    list(in_processes(work, range(2), 2))
"""


def stopped(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_processes_end_with_their_parent(tmp_path, kill):
    script = tmp_path / "busy.py"
    script.write_text(BUSY)
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    workers = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
    (os.kill if kill == signal.SIGKILL else os.killpg)(parent.pid, kill)  # a terminal tells Ctrl-C to all of them
    patience = time.monotonic() + 30
    while parent.poll() is None or not all(map(stopped, workers)):
        if time.monotonic() > patience:
            os.killpg(parent.pid, signal.SIGKILL)
            pytest.fail("processes are left behind")
        time.sleep(0.05)
