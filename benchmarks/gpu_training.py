"""Section of `gpu_check.py` on training: steps, the cuDNN kernel, whole trainings, too little memory."""

import functools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_section import Section, median_seconds

ROOT = Path(__file__).parents[1]


def check_training(section: Section) -> None:
    """A training step by precision and batch size, the cuDNN kernel, whole trainings, and a full memory."""
    from hand_gestures.classifier.bilstm import CNNBiLSTMWithAttention

    hidden, layers = (8, 1) if section.quick else (512, 3)
    network = CNNBiLSTMWithAttention(classes=18, channels=12, width=768, hidden=hidden, layers=layers, dropout=0.3).to(
        section.device
    )
    measure_steps(section, network)
    with section.guarded("cuDNN LSTM"):
        if section.on_gpu:
            for name in ("float32", "bfloat16"):
                with (
                    torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile,
                    torch.autocast("cuda", torch.bfloat16, enabled=name != "float32"),
                ):
                    network(torch.randn(4, 12, 32, 768, device=section.device))
                names = {event.key for event in profile.key_averages() if "rnn" in event.key or "lstm" in event.key}
                section.note("cuDNN LSTM", "aten::_cudnn_rnn" in names, precision=name, kernels=sorted(names))
        else:
            section.skip("cuDNN LSTM", "needs a CUDA device")
    with section.guarded("whole training"):
        check_whole_training(section, hidden, layers)


def measure_steps(section: Section, network: torch.nn.Module) -> None:
    """Time of forward, backward, gradient clipping and optimizer on one batch, by precision and batch size."""
    optimizer = torch.optim.RAdam(network.parameters(), weight_decay=1e-4, decoupled_weight_decay=True)

    def step(clips: torch.Tensor, labels: torch.Tensor, mixed: bool) -> None:
        optimizer.zero_grad()
        with torch.autocast(section.device.type, torch.bfloat16, enabled=mixed):
            logits = network(clips).logits
        torch.nn.functional.cross_entropy(logits.float(), labels).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    for precision in ("float32", "bfloat16") if section.on_gpu else ("float32",):
        for batch in (2,) if section.quick else (32, 128):
            with section.guarded(f"step {precision} {batch}"):
                clips = torch.randn(batch, 12, 32, 768, device=section.device)
                labels = torch.randint(0, 18, (batch,), device=section.device)
                run = functools.partial(step, clips, labels, precision == "bfloat16")
                seconds = median_seconds(run, section.device, 1 if section.quick else 8)
                section.note(
                    "training step",
                    precision=precision,
                    batch=batch,
                    ms=round(seconds * 1e3, 2),
                    clips_per_second=round(batch / seconds, 1),
                    epoch_of_80000_rows_s=round(80_000 * seconds / batch, 1),
                )


def check_whole_training(section: Section, hidden: int, layers: int) -> None:
    """`train_classifier` on a real file: seconds an epoch, twice the same bits, and with too little memory."""
    import yaml
    from storage import draw_clips, pending_clips

    from hand_gestures.parameters import NetworkParameters, TrainingParameters
    from hand_gestures.store.embedding_file import ClipRequest, EmbeddedSequence, EmbeddingFile
    from hand_gestures.store.write import write_embeddings
    from hand_gestures.training.train import train_classifier

    rows = 8 if section.quick else 640
    pending = pending_clips(draw_clips(rows))
    plain = pending.embed

    def with_two_classes(requests: list[ClipRequest]) -> Iterator[EmbeddedSequence]:
        for request, sequence in zip(requests, plain(requests), strict=True):
            yield sequence._replace(embeddings=sequence.embeddings + 0.3 * (request.sequence % 2))

    labels = np.stack([np.arange(rows) % 2] * 2, axis=1)
    header = replace(pending.header, class_names=("fist", "wave"))
    pending = pending._replace(header=header, embed=with_two_classes, labels=labels)
    base = yaml.safe_load((ROOT / "conf/base/parameters_modeling.yml").read_text(encoding="utf-8"))
    network = NetworkParameters(**{**base["network"], "hidden": hidden, "layers": layers})
    epochs = 1 if section.quick else 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.h5"
        write_embeddings(path, pending)
        file = EmbeddingFile(path)

        def train(name: str, **changes: object) -> tuple[Any, float]:
            training = TrainingParameters(**{**base["training"], "epochs": epochs, "patience": None, **changes})
            start = time.perf_counter()
            result = train_classifier(
                file,
                file,
                network=network,
                training=training,
                seed=1,
                folder=Path(folder) / name,
                on_epoch=lambda _: None,
            )
            return result, time.perf_counter() - start

        first, _ = train("first")
        second, seconds = train("second")
        same = all((first.best.weights[key] == value).all() for key, value in second.best.weights.items())
        section.note(
            "two trainings give the same bits",
            same,
            rows=rows,
            seconds_an_epoch=round(seconds / epochs, 2),
            rows_per_second=round(2 * rows * epochs / seconds, 1),
            val_accuracy=float(second.history["val_accuracy"].iloc[-1]),
        )
        if not section.on_gpu:
            section.skip("a full memory splits training batches", "needs a CUDA device")
            return
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(section.device).total_memory
        torch.cuda.set_per_process_memory_fraction(
            (torch.cuda.memory_reserved(section.device) + 1.6e9) / total, section.device
        )
        try:
            split, seconds = train("split", batch_size=128, learning_rate=base["training"]["learning_rate"])
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, section.device)
        whole, _ = train("whole", batch_size=128)
        in_host_memory, _ = train("host", preload_share=1e-9, preload=True)
        section.note(
            "rows in the memory of the device give the same bits",
            all((first.best.weights[key] == value).all() for key, value in in_host_memory.best.weights.items()),
        )
        half, _ = train("float16", precision="float16")
        section.note(
            "training in float16",
            bool(np.isfinite(half.history["train_loss"]).all()),
            train_loss=[round(float(loss), 4) for loss in half.history["train_loss"]],
        )
        section.note(
            "a full memory splits training batches",
            bool(np.isfinite(split.history["train_loss"]).all()),
            train_loss=[round(float(loss), 4) for loss in split.history["train_loss"]],
            train_loss_undivided=[round(float(loss), 4) for loss in whole.history["train_loss"]],
        )
