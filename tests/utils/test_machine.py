import os
import subprocess
import sys

import psutil
import pytest

from hand_gestures.utils.machine import available_cores, free_memory

MB = 1 << 20


@pytest.fixture
def machine(tmp_path):
    """Writes made-up cgroups: path below the mount to content, and the membership of this process."""

    def make(membership, files):
        (tmp_path / "membership").write_text(membership)
        for path, content in files.items():
            file = tmp_path / "cgroup" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{content}\n")
        return {"cgroups": tmp_path / "cgroup", "membership": tmp_path / "membership"}

    return make


def test_memory_is_the_limit_of_the_cgroup_minus_its_use(machine):
    files = {"memory.max": 300 * MB, "memory.current": 200 * MB}
    assert free_memory(**machine("0::/\n", files)) == 100 * MB


def test_cache_that_the_kernel_gives_back_counts_as_free(machine):
    files = {"memory.max": 300 * MB, "memory.current": 200 * MB, "memory.stat": f"anon 5\ninactive_file {60 * MB}"}
    assert free_memory(**machine("0::/\n", files)) == 160 * MB


def test_the_narrowest_cgroup_on_the_way_to_the_root_decides(machine):
    files = {
        "jobs/memory.max": 90 * MB,
        "jobs/memory.current": 50 * MB,
        "jobs/one/memory.max": 80 * MB,
        "jobs/one/memory.current": 10 * MB,
        "jobs/two/memory.max": 1 * MB,  # not around this process
        "jobs/two/memory.current": 0,
    }
    assert free_memory(**machine("0::/jobs/one\n", files)) == 40 * MB


def test_memory_limits_of_version_1_are_read_beside_an_empty_version_2(machine):
    files = {
        "memory/memory.limit_in_bytes": 9223372036854771712,  # the kernel's "no limit"
        "memory/memory.usage_in_bytes": 70 * MB,
        "memory/jobs/memory.limit_in_bytes": 70 * MB,
        "memory/jobs/memory.usage_in_bytes": 50 * MB,
        "memory/jobs/memory.stat": f"inactive_file 1\ntotal_inactive_file {5 * MB}",
    }
    assert free_memory(**machine("4:memory:/jobs/one\n0::/\n", files)) == 25 * MB


def test_a_path_of_the_host_is_looked_up_in_the_cgroup_of_the_container(machine):
    files = {"memory/memory.limit_in_bytes": 60 * MB, "memory/memory.usage_in_bytes": 50 * MB}
    assert free_memory(**machine("4:memory:/docker/0123abcd\n", files)) == 10 * MB


def test_a_cgroup_over_its_limit_has_no_free_memory(machine):
    assert free_memory(**machine("0::/\n", {"memory.max": 10, "memory.current": 11})) == 0


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        ("0::/\n", {"memory.max": "max", "memory.current": 5}),
        ("0::/\n", {}),
        ("", {}),
        ("3:cpuset:/\n", {"memory.max": 5, "memory.current": 1}),
    ],
)
def test_without_a_limit_the_memory_is_that_of_the_host(machine, membership, files):
    free, host = free_memory(**machine(membership, files)), psutil.virtual_memory()
    assert host.total / 1000 < free <= host.total


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "50000 100000"}, 1),
        ("0::/a/b\n", {"a/cpu.max": "100000 100000", "a/b/cpu.max": "max 100000"}, 1),
        (
            "1:cpu,cpuacct:/a\n",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": 100000, "cpu,cpuacct/a/cpu.cfs_period_us": 100000},
            1,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": 100000, "cpu/cpu.cfs_period_us": 100000}, 1),
    ],
)
def test_cores_are_limited_by_the_quota_of_every_cgroup(machine, monkeypatch, membership, files, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert available_cores(**machine(membership, files)) == cores


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "250000 100000"}, 3),  # two and a half cores
        ("0::/\n", {"cpu.max": "max 100000"}, 8),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": -1, "cpu/cpu.cfs_period_us": 100000}, 8),
        ("", {}, 8),
    ],
)
def test_a_quota_is_rounded_up_and_no_quota_leaves_the_cores_of_the_process(
    machine, monkeypatch, membership, files, cores
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert available_cores(**machine(membership, files)) == cores


def test_a_process_that_is_pinned_to_one_core_has_one_core():
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot pin a process to a core")
    script = (
        "import os\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from hand_gestures.utils.machine import available_cores\n"
        "print(available_cores())\n"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "1\n"
