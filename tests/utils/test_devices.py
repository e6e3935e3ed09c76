"""Choosing device and precision; a machine with a GPU is simulated by what PyTorch says about it."""

import logging
from types import SimpleNamespace

import pytest
import torch

from hand_gestures.training.train import choose_training_precision
from hand_gestures.utils import devices
from hand_gestures.utils.devices import choose_device, choose_precision, is_out_of_memory
from hand_gestures.utils.errors import HandGesturesError


@pytest.fixture
def cuda(monkeypatch):
    """Pretend that there are `count` CUDA devices of a compute capability."""

    def pretend(capability, count=1):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)

    return pretend


@pytest.mark.parametrize(
    ("capability", "precision"), [((7, 0), "float16"), ((7, 5), "float16"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")]
)
def test_cards_without_bfloat16_units_compute_in_float16(cuda, capability, precision):
    cuda(capability)
    assert choose_precision("auto", "auto") == precision
    assert choose_training_precision("auto", "auto") == precision
    assert choose_precision("float32", "auto") == "float32"


def test_a_device_that_is_not_there_is_refused(cuda):
    cuda((9, 0), count=2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(HandGesturesError, match=r"device 'cuda:2' needs a CUDA device, but only 2 of them are visible"):
        choose_device("cuda:2")


def test_an_apple_gpu_that_is_not_there_is_refused():
    if torch.backends.mps.is_available():
        pytest.skip("this machine has an Apple GPU")
    with pytest.raises(HandGesturesError, match="device 'mps' needs an Apple GPU"):
        choose_device("mps")


def test_extraction_and_training_choose_alike_on_an_apple_gpu(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("mps").type == "mps"
    assert choose_precision("auto", "mps") == choose_training_precision("auto", "mps") == "float32"


def test_a_gpu_that_pytorch_cannot_use_is_named_with_the_remedy(monkeypatch, tmp_path, caplog):
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "NVIDIA_DRIVER", driver)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with caplog.at_level(logging.WARNING):
        assert choose_device("auto") == torch.device("cpu")
    assert caplog.messages == [
        "computing on the CPU, because PyTorch cannot use the NVIDIA GPU of this machine (driver 535.104.05); PyTorch "
        "is built for CUDA 13.0, so update the driver, or start the container with --gpus all"
    ]


def test_a_machine_without_a_gpu_gives_no_warning(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "NVIDIA_DRIVER", tmp_path / "absent")
    assert choose_device("auto") == torch.device("cpu")
    assert not caplog.messages


def test_float16_training_needs_a_cuda_device():
    with pytest.raises(
        HandGesturesError, match=r"training\.precision float16 needs a CUDA device, but the device is cpu"
    ):
        choose_training_precision("float16", "cpu")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_every_kind_of_missing_memory_is_recognised(error):
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("shapes differ"))


def test_the_record_of_a_run_names_the_gpus_with_driver_and_cuda(cuda, monkeypatch, tmp_path):
    cuda((9, 0), count=2)
    card = SimpleNamespace(name="NVIDIA H200", total_memory=139 << 30, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\n")
    monkeypatch.setattr(devices, "NVIDIA_DRIVER", driver)
    assert devices.describe_gpus() == {
        "gpus": "NVIDIA H200 (139 GiB, 9.0), NVIDIA H200 (139 GiB, 9.0)",
        "gpu_driver": "580.159.04",
        "cuda": "13.0",
    }


def test_a_machine_without_a_gpu_has_nothing_to_record(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.describe_gpus() == {}
