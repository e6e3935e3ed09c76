"""How much memory and how many cores this process may use: of the host, and of the container around it."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")  # one line per hierarchy: number:controllers:path; version 2 is 0::path
# file of the limit, file of the current use, name in memory.stat of the cache that the kernel gives back when asked
MEMORY_FILES = (
    ("memory.max", "memory.current", "inactive_file"),  # version 2
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),  # version 1
)


def free_memory(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Bytes that this process can still take, by the host and by every cgroup around it.

    Args:
        cgroups: where the cgroup file systems are mounted.
        membership: the file that names the cgroups of this process.

    Returns:
        The smallest of the free memory of the host and, for each cgroup with a limit, its limit minus its current use.
    """
    free = [psutil.virtual_memory().available]
    for folder in _own_cgroups("memory", cgroups, membership):
        for limit_file, usage_file, cache_name in MEMORY_FILES:
            limit, usage = _read_number(folder / limit_file), _read_number(folder / usage_file)
            if limit is not None and usage is not None:
                free.append(max(0, limit - (usage - _read_stat(folder / "memory.stat", cache_name))))
    return min(free)


def available_cores(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Number of cores that this process can keep busy, at least 1.

    Args:
        cgroups: as in `free_memory`.
        membership: as in `free_memory`.

    Returns:
        The smallest of the cores that the process may run on and the quota of each cgroup around it, rounded up.
    """
    # macOS has no affinity
    cores = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    for folder in _own_cgroups("cpu", cgroups, membership):
        for quota, period in (_read_cpu_max(folder / "cpu.max"), _read_cfs_quota(folder)):
            if quota is not None and period and quota > 0:
                cores.append(max(1, math.ceil(quota / period)))
    return min(cores)


def _own_cgroups(controller: str, cgroups: Path, membership: Path) -> Iterator[Path]:
    """The folders of this process's cgroups, from the innermost to the root of each hierarchy.

    In a container the path often is that of the host and does not exist below the mount, which then shows the
    container's own cgroup as its root.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # version 2 is mounted at the top, or beside the hierarchies of version 1
        mounts = (cgroups / controller, cgroups / controllers) if controllers else (cgroups, cgroups / "unified")
        for mount in dict.fromkeys(mounts):
            innermost = mount / path.lstrip("/")
            for folder in (innermost, *innermost.parents):
                if folder.is_relative_to(mount) and folder.is_dir():
                    yield folder


def _read_number(file: Path) -> int | None:
    """The number in a file; None where it is missing or holds a word, such as "max"."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _read_stat(file: Path, name: str) -> int:
    try:
        lines = (line.split() for line in file.read_text().splitlines())
        return next(int(words[1]) for words in lines if words[0] == name)
    except (OSError, ValueError, IndexError, StopIteration):
        return 0


def _read_cpu_max(file: Path) -> tuple[int | None, int | None]:
    """Quota and period of version 2, such as "200000 100000"; "max 100000" has no quota."""
    try:
        quota, period = file.read_text().split()
        return int(quota), int(period)
    except (OSError, ValueError):
        return None, None


def _read_cfs_quota(folder: Path) -> tuple[int | None, int | None]:
    """Quota and period of version 1; a quota of -1 is none."""
    return _read_number(folder / "cpu.cfs_quota_us"), _read_number(folder / "cpu.cfs_period_us")
