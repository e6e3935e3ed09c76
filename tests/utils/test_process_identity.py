"""Whether a process still runs, with real processes."""

import json
import os
import signal
import subprocess
import sys

import pytest

from hand_gestures.utils.process_identity import is_gone, parse_process, this_process

SHOW = """
import json, sys, time
from hand_gestures.utils.process_identity import this_process
print(json.dumps(this_process()._asdict()), flush=True)
time.sleep(600)
"""


def test_a_process_is_gone_when_it_was_killed_even_before_its_parent_notices():
    other = subprocess.Popen([sys.executable, "-c", SHOW], stdout=subprocess.PIPE, text=True)
    identity = parse_process(json.loads(other.stdout.readline()))
    assert identity.pid == other.pid
    assert not is_gone(identity)
    other.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # a zombie
    assert is_gone(identity)
    other.wait()
    assert is_gone(identity)


def test_another_process_with_the_same_number_is_not_the_process():
    assert not is_gone(this_process())
    assert is_gone(this_process()._replace(started="1"))


def test_nothing_is_known_of_a_process_on_another_host_or_in_another_container():
    here = this_process()._replace(started="1")
    assert not is_gone(here._replace(host="elsewhere"))
    assert not is_gone(here._replace(machine="0" * 16))
    assert not is_gone(here._replace(namespace="pid:[1]"))


def test_a_process_of_an_earlier_start_of_the_host_is_gone(monkeypatch):
    before = this_process()._replace(boot="earlier")
    monkeypatch.setattr("hand_gestures.utils.process_identity.this_process", lambda: now)
    now, before = (identity._replace(machine="0" * 16) for identity in (this_process(), before))
    assert is_gone(before)
    now, before = (identity._replace(machine="") for identity in (now, before))
    assert not is_gone(before)  # another host may have the same name


@pytest.mark.parametrize("values", [None, [], {}, {"pid": "x"}, this_process()._asdict() | {"pid": "-1"}])
def test_other_content_is_no_process(values):
    assert parse_process(values) is None
    assert parse_process({name: str(value) for name, value in this_process()._asdict().items()}) == this_process()
