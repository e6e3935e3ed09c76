"""Each benchmark goes through; its figures are for people to read, on a machine that does nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from landmark_models import needs_landmark_models

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
RATIO = r"[\d.,]+x( \([\d.,]+ to [\d.,]+\))?"


@pytest.fixture
def benchmarks(monkeypatch):
    """The scripts import each other by their names."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for path in BENCHMARKS.glob("*.py"):
        sys.modules.pop(path.stem, None)


def smoke_run(script, timeout=300):
    """Cells of all lines of tables that a benchmark prints."""
    run = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{script}.py"), "--quick"], capture_output=True, text=True, timeout=timeout
    )
    assert run.returncode == 0, run.stderr
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in run.stdout.splitlines() if "|" in line]


def test_extraction_in_float32_equals_the_plain_flow_at_224():
    lines = smoke_run("extraction")
    precision_error = {cells[0]: cells[1] for cells in lines if len(cells) == 4}
    speed = {cells[0]: cells[2] for cells in lines if len(cells) == 5}
    assert precision_error["float32"] == "below 1e-5"
    assert float(precision_error["a change of features: the reference, ResNeXt at 640"]) > 0.001
    for way in ("reference", "plain 224", "float32", "bfloat16"):
        assert re.fullmatch(RATIO, speed[way])


@pytest.mark.parametrize(
    ("script", "figures"),
    [
        ("storage", ["write: parts, flush to disk and joining", "batches after preload"]),
        ("memory", ["main process", "loader process"]),
        ("augmentation", ["all steps"]),
    ],
)
def test_a_benchmark_prints_its_figures(script, figures):
    ratios = {cells[0]: cells[3] for cells in smoke_run(script)}
    for figure in figures:
        assert re.fullmatch(RATIO, ratios[figure])


def test_ways_take_turns(benchmarks):
    from measuring import interleaved, ratio

    calls = []
    seconds = interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, 3)
    assert calls == ["a", "b"] * 3
    assert [len(of) for of in seconds.values()] == [3, 3]
    assert ratio([4, 6, 40], [2, 2, 2]) == "3.0x (2.0 to 20.0)"


@needs_landmark_models
def test_hand_landmarks_are_measured_by_part():
    times = {cells[0]: cells[1:] for cells in smoke_run("landmarks") if cells[-1].endswith(" ms")}
    assert "landmark model" in times
    assert "a frame of a clip, tracked" in times
    for lite, full in times.values():
        assert re.fullmatch(r"[\d.]+ ms", lite)
        assert re.fullmatch(r"[\d.]+ ms", full)


def test_a_training_step_is_measured_in_both_precisions():
    (row,) = [cells for cells in smoke_run("training_step") if cells[0].startswith("in ")]
    assert re.fullmatch(RATIO, row[3])


def test_a_benchmark_beside_a_busy_program_says_so_and_ends_it():
    command = [sys.executable, str(BENCHMARKS / "training_step.py"), "--quick", "--neighbour"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)  # waits until nobody holds its output
    assert run.returncode == 0, run.stderr
    assert ", beside a busy program" in run.stdout
    rows = [line for line in run.stdout.splitlines() if line.startswith("| threads, ")]
    assert len(rows) == 2


def test_the_reference_file_is_created_as_it_is_described(benchmarks, tmp_path):
    import h5py
    import reference

    clips = np.random.default_rng(0).standard_normal((3, 32, 12, 768), np.float32)
    reference.write(tmp_path / "reference.h5", iter([clips[:2], clips[2:]]), np.arange(3))
    with h5py.File(tmp_path / "reference.h5") as file:
        data = file["embeddings/data"]
        assert data.chunks == (64, 4, 2, 96)
        assert (data.compression, data.shuffle, data.maxshape) == ("gzip", False, (None, 32, 12, 768))
    clip, label = reference.Items(tmp_path / "reference.h5", 3)[2]
    np.testing.assert_array_equal(clip.transpose(0, 1), clips[2])
    assert label == 2


def test_throughput_says_what_waits_for_what(benchmarks, tmp_path, capsys):
    import throughput
    from extraction import draw_frames
    from memory import small_backbones

    from hand_gestures.embedding.extractor import ClipEmbedder

    embedder = ClipEmbedder(*small_backbones(), torch.device("cpu"))
    throughput.print_throughput(draw_frames(tmp_path, 2), embedder, clips=2, views=2)
    row = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"\| [\d.]+ \| n/a \| \d+% \| (decoding and augmenting|the device): .* \|", row)


@pytest.mark.parametrize(
    ("waiting", "busy", "bound"), [(0.5, 20, "decoding"), (0.01, 30, "copies"), (0.01, 95, "the device")]
)
def test_what_bounds_a_gpu_is_told_by_waiting_and_utilisation(benchmarks, waiting, busy, bound):
    import throughput

    assert throughput.what_bounds(waiting, busy).startswith(bound)


def test_the_gpu_check_runs_every_section_and_fails_nothing(tmp_path):
    """The same code as on a GPU, with tiny networks on the CPU."""
    result = tmp_path / "gpu_check.json"
    command = [sys.executable, str(BENCHMARKS / "gpu_check.py"), "--quick", "--output", str(result)]
    run = subprocess.run(
        [*command, "--only", "correctness,backbones,extraction,training"], capture_output=True, text=True, timeout=900
    )
    assert run.returncode == 0, run.stdout + run.stderr
    measured = json.loads(result.read_text())
    assert not [line for line in measured if line["passed"] is False]
    passed = {line["check"] for line in measured if line["passed"]}
    assert passed >= {
        "float32 equals the CPU",
        "two embedders give the same bits",
        "augmentation on the device",
        "hand detector",
        "whole extraction to a file",
        "two trainings give the same bits",
    }
    not_run = {line["check"]: line["not_run"] for line in measured if "not_run" in line}
    if not torch.cuda.is_available():
        assert not_run["a full memory halves the batches"] == "needs a CUDA device"
    assert "| correctness | float32 equals the CPU | passed |" in run.stdout


def test_a_section_that_is_stopped_keeps_what_it_measured(benchmarks, tmp_path):
    import gpu_check

    output = tmp_path / "gpu_check.json"
    gpu_check.run_section("backbones", output, quick=True, limit=0.01)
    [line] = [json.loads(line) for line in gpu_check.lines_path(output).read_text().splitlines()]
    assert (line["section"], line["passed"]) == ("backbones", False)
    assert line["error"].startswith("stopped after")


def test_the_growth_of_the_leak_audit_is_measured_for_all_kinds_of_clips():
    rows = [cells for cells in smoke_run("leak_audit") if cells[1] in ("unlike", "alike", "equal")]
    assert [(cells[0], cells[1]) for cells in rows] == [
        (clips, kind) for kind in ("unlike", "alike", "equal") for clips in ("100", "1,000")
    ]
    assert all(re.fullmatch(r"[\d.]+ s", cells[2]) for cells in rows)


def test_a_data_set_of_many_classes_goes_through_all_pipelines_and_its_report_is_small():
    rows = {cells[0]: cells[1] for cells in smoke_run("many_classes", timeout=1200)}
    assert {"data_processing", "drawn embeddings", "modeling"} <= rows.keys()
    megabytes = {name: float(size.removesuffix(" MB")) for name, size in rows.items() if size.endswith(" MB")}
    assert megabytes["report.html"] < 10
    assert len(plots := [size for name, size in megabytes.items() if name.startswith("plots/")]) > 5
    assert max(plots) < 4
