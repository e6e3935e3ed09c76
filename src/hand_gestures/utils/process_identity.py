"""Which process did something, so that another process can later find out whether it still runs."""

import os
import socket
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import psutil

DEAD_STATES = "ZX"  # in /proc/PID/stat: ended, but not yet collected by the parent process


class ProcessIdentity(NamedTuple):
    """A process on a host. A host gives the number of an ended process to a new one, so the number is not enough.

    Attributes:
        pid: number of the process.
        host: name of the host.
        machine: digest of the host's fixed id; empty where the system has none, such as in many containers.
        boot: id of the host's last start; empty where the system has none.
        namespace: where `pid` counts: containers on one host have their own numbers.
        started: start of the process, in a unit of the system; only compared.
    """

    pid: int
    host: str
    machine: str
    boot: str
    namespace: str
    started: str

    @property
    def computer(self) -> tuple[str, str, str]:
        """Where the process runs; processes of the same computer see each other's numbers."""
        return self.host, self.machine, self.namespace


def this_process() -> ProcessIdentity:
    """The identity of the calling process."""
    pid = os.getpid()
    machine = _read("/etc/machine-id")
    return ProcessIdentity(
        pid,
        socket.gethostname(),
        sha256(machine.encode()).hexdigest()[:16] if machine else "",  # the id itself should not leave the host
        _read("/proc/sys/kernel/random/boot_id"),
        _namespace(),
        _start(pid) or "",
    )


def parse_process(values: Any) -> ProcessIdentity | None:
    """The identity with these fields; None where they are not those of an identity.

    Args:
        values: as `ProcessIdentity._asdict` returns them, possibly with every value as text.
    """
    if not isinstance(values, Mapping) or not set(ProcessIdentity._fields) <= values.keys():
        return None
    if not str(values["pid"]).isdecimal():
        return None
    return ProcessIdentity(int(values["pid"]), *(str(values[name]) for name in ProcessIdentity._fields[1:]))


def is_gone(process: ProcessIdentity) -> bool:
    """Whether a process has certainly ended; False where this host cannot know it.

    Args:
        process: of any host.
    """
    here = this_process()
    if process.host != here.host or process.machine != here.machine:
        return False
    if process.boot != here.boot:
        return bool(here.machine)  # the host was started again; without its id it may be another host of this name
    return process.namespace == here.namespace and _start(process.pid) != process.started


def _start(pid: int) -> str | None:
    """The start of a process; None where it has ended."""
    if Path("/proc/self/stat").exists():
        try:
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if state in DEAD_STATES else fields[18]  # clock ticks since the host's start: no clock change
    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
