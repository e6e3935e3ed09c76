"""Prove the program on a GPU in eight minutes: right values first, then the speed of each stage and what limits it.

Each section runs in a process of its own with a time limit. A measurement is written to the result file as soon as it
is made, so a section that is stopped or crashes loses only the measurement it was at. The sections need the packages
that docs/gpu.md lists; kedro, mlflow and av are not among them. On a machine without a GPU the same code runs on the
CPU, and measurements that only make sense on a GPU are recorded as not run, with the reason.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# a bare machine has no installed hand_gestures
sys.path[:0] = [str(Path(__file__).parents[1] / "src"), str(Path(__file__).parent)]

import torch  # noqa: E402
from gpu_embedding import check_backbones, check_compiled, check_correctness, check_extraction  # noqa: E402
from gpu_section import Measurements, Section  # noqa: E402
from gpu_training import check_training  # noqa: E402

PACKAGES = ("torch", "torchvision", "timm", "transformers", "lightning", "h5py", "numpy", "albumentations")
SECONDS = {"correctness": 60, "backbones": 50, "extraction": 160, "training": 120, "compiled": 150}


def describe_machine(section: Section) -> None:
    """Driver, device, memory, compiler, packages."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    facts: Measurements = {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": versions,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }
    shared = Path("/dev/shm")
    if shared.is_dir():
        status = os.statvfs(shared)
        facts["shared_memory_gb"] = round(status.f_frsize * status.f_blocks / 1e9, 1)
    if section.on_gpu:
        properties = torch.cuda.get_device_properties(section.device)
        facts["device"] = {
            "name": properties.name,
            "capability": f"{properties.major}.{properties.minor}",
            "memory_gb": round(properties.total_memory / 1e9, 1),
            "multiprocessors": properties.multi_processor_count,
        }
        query = [
            "nvidia-smi",
            "--query-gpu=driver_version,clocks.sm,clocks.max.sm,power.limit",
            "--format=csv,noheader",
        ]
        with section.guarded("nvidia-smi"):
            facts["nvidia_smi"] = subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip()
    section.note("machine", None, **facts)


CHECKS: dict[str, Callable[[Section], None]] = {
    "correctness": check_correctness,
    "backbones": check_backbones,
    "extraction": check_extraction,
    "training": check_training,
    "compiled": check_compiled,
}


def run_section(name: str, output: Path, quick: bool, limit: float) -> None:
    """Run a section in its own process and stop it at its limit."""
    command = [sys.executable, __file__, "--section", name, "--output", str(output), *(["--quick"] if quick else [])]
    start = time.perf_counter()
    section = Section(name, lines_path(output), quick, torch.device("cpu"))
    try:
        process = subprocess.run(command, timeout=limit, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        section.note("section", False, error=f"stopped after {limit:.0f} s; what it had measured is kept")
        return
    if process.returncode:
        section.note("section", False, error=process.stderr.strip()[-1500:])
    else:
        section.note("section", True, seconds=round(time.perf_counter() - start, 1))


def lines_path(output: Path) -> Path:
    """File of the measurements, one per line, beside the result file."""
    return output.with_suffix(".jsonl")


def print_summary(results: list[Measurements]) -> None:
    """Print all measurements as a table."""
    print("\n| section | check | result | values |\n|---|---|---|---|")
    for line in results:
        values = {key: value for key, value in line.items() if key not in ("section", "check", "passed")}
        values.pop("relative_l2_by_channel", None)
        verdict = {True: "passed", False: "FAILED", None: ""}[line["passed"]]
        text = ", ".join(f"{key} {value}" for key, value in values.items())
        print(f"| {line['section']} | {line['check']} | {verdict} | {text[:300]} |")


def main() -> None:
    """Run the sections in order of their worth, and write `gpu_check.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it works: the numbers mean nothing")
    parser.add_argument("--output", type=Path, default=Path("gpu_check.json"), help="result file")
    parser.add_argument("--only", help="sections to run, with commas between them")
    parser.add_argument("--section", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.section:
        section = Section(options.section, lines_path(options.output), options.quick)
        CHECKS[options.section](section)
        return
    lines = lines_path(options.output)
    lines.unlink(missing_ok=True)
    describe_machine(Section("machine", lines, options.quick))
    for name in options.only.split(",") if options.only else CHECKS:
        run_section(name, options.output, options.quick, SECONDS[name] * (6 if options.quick else 1))
    results = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    lines.unlink()
    print_summary(results)
    failed = [line for line in results if line["passed"] is False]
    sys.exit(f"{len(failed)} checks failed" if failed else 0)


if __name__ == "__main__":
    main()
