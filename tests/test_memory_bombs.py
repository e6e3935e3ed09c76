"""Peak memory of every step that meets a small file that declares something huge."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import memory_bombs
from doc_pages import ROOT

pytestmark = pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="only Linux tells the peak of a part of a process"
)


def test_no_bomb_takes_memory_in_any_step(tmp_path):
    script = Path(memory_bombs.__file__)
    run = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert {bomb: tuple(peaks) for bomb, peaks in found.items()} == {
        bomb: steps for bomb, (_, steps) in memory_bombs.BOMBS.items()
    }
    too_much = {bomb: peaks for bomb, peaks in found.items() if max(peaks.values()) > memory_bombs.LIMIT_MB}
    assert too_much == {}


def test_the_peak_of_a_step_that_takes_memory_is_seen(tmp_path):
    _, megabytes = memory_bombs.peak_of(lambda _: np.ones(25_000_000).sum(), tmp_path)
    assert megabytes > 150  # 200 MB, freed at once


def test_the_page_lists_every_bomb_its_steps_and_the_limit():
    page = (ROOT / "docs/your-data.md").read_text(encoding="utf-8")
    for bomb, (_, steps) in memory_bombs.BOMBS.items():
        assert f"| {bomb} | {', '.join(steps)} |" in page
    assert f"less than {memory_bombs.LIMIT_MB} MB more" in page
