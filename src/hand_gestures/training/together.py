"""One training in several processes, each with a device of its own."""

import os
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import torch
from torch import distributed

from hand_gestures.embedding.device import choose_device
from hand_gestures.errors import HandGesturesError, user_error
from hand_gestures.processes import end_with_parent
from hand_gestures.training.fit import Fit
from hand_gestures.training.module import EpochMetrics

HOST = "127.0.0.1"
LAST_WORDS = 10.0  # seconds: when one process fails, others may fail for it, and sooner be heard


def kind_of_devices(device: str, devices: int) -> str:
    """The kind of device that `device` stands for, of which there are `devices`.

    Raises:
        HandGesturesError: there are fewer.
    """
    kind = choose_device(device).type
    there = {"cpu": devices, "cuda": torch.cuda.device_count()}.get(kind, 1)
    if devices > there:
        raise HandGesturesError(
            f"training.devices must be at most the number of {kind} devices, but is {devices} and {there} can be seen "
            f"here; set it to {there}, or training.device to another kind"
        )
    return kind


def fit_together(fit: Fit, devices: int, report: Callable[[EpochMetrics], None]) -> None:
    """Run `fit` in `devices` processes, which end when this one does, killed or not.

    They are spawned from here, and not, as Lightning would do it, by running the command again: that is a whole
    pipeline. `report` is called here, as if the training ran here.

    Raises:
        HandGesturesError: what one of them met, or that one died.
        RuntimeError: with the traceback of any other error.
    """
    context = get_context("spawn")
    # here, where it finds a port that is free and keeps it
    meeting = distributed.TCPStore(HOST, 0, is_master=True, wait_for_workers=False)
    processes: dict[Connection, SpawnProcess] = {}
    try:
        for rank in range(devices):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_fit, args=(fit, rank, devices, meeting.port, sender))
            process.start()
            sender.close()  # this end of it: the pipe ends with the process
            processes[receiver] = process
        _follow(processes, report)
    finally:
        for process in processes.values():
            process.kill()
            process.join()


def _follow(processes: dict[Connection, SpawnProcess], report: Callable[[EpochMetrics], None]) -> None:
    running = dict(processes)
    errors: list[Exception] = []
    while running and (heard := wait(list(running), LAST_WORDS if errors else None)):
        for receiver in running.keys() & set(heard):
            try:
                said = receiver.recv()
            except EOFError:
                process = running.pop(receiver)
                process.join()
                if process.exitcode:
                    errors.append(_died(len(processes)))
                continue
            if isinstance(said, Exception):
                errors.append(said)
            else:
                report(said)
    if errors:  # rather what the user can mend than what came of it
        raise min(errors, key=lambda error: not isinstance(error, HandGesturesError))


def _died(devices: int) -> HandGesturesError:
    return HandGesturesError(
        f"training on {devices} devices needs a process for each, but one died (too little memory is the usual "
        "cause); run again, with fewer training.devices or a smaller training.batch_size if need be"
    )


def _fit(fit: Fit, rank: int, devices: int, port: int, sender: Connection) -> None:
    """What each process does."""
    end_with_parent()
    os.environ["LOCAL_RANK"] = str(rank)  # where Lightning looks for it
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // devices))  # more of them than cores hold each other up
    try:
        _meet(rank, devices, port, fit.device)
        fit(sender.send)
        distributed.destroy_process_group()
    except Exception as error:
        sender.send(user_error(error) or RuntimeError(f"training on device {rank} failed:\n{traceback.format_exc()}"))
        os._exit(0)  # it has been said; what waits for the other processes would wait for ever


def _meet(rank: int, devices: int, port: int, kind: str) -> None:
    cuda = kind == "cuda"
    distributed.init_process_group(
        "nccl" if cuda else "gloo",
        store=distributed.TCPStore(HOST, port, is_master=False),
        rank=rank,
        world_size=devices,
        device_id=torch.device(kind, rank) if cuda else None,
    )
