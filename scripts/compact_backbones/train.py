"""Train the compact backbones of the demo on drawn hands, on two cores in up to an hour.

    python scripts/compact_backbones/train.py

Writes `vit/`, `resnext/`, `yolo.pt` and `report.json`, the errors of the networks on performers that they never saw.
"""

import argparse
import json
import logging
from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml
from hand_frames import render_hand_frames

from hand_gestures.parameters import AugmentationParameters
from hand_gestures.utils.resumable import write_bytes

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Options:
    """The command line: `frames_each` is `--frames-each`."""

    performers: int = 800
    frames_each: int = 16
    held_out_performers: int = 60
    vit_epochs: int = 9
    resnext_epochs: int = 8
    yolo_epochs: int = 2
    seed: int = 7
    processes: int = 2
    size: int | None = field(default=None, metadata={"help": "side of the frames, pixels; None: as the demo's clips"})
    output: Path = field(default=ROOT / "data/06_models/compact_backbones", metadata={"help": "folder of the models"})


def main() -> None:
    """Train all networks on the same frames and write the report."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    options = parse_options()
    write_bytes(options.output / "report.json", json.dumps(train(options), indent=2).encode())


def parse_options() -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    for option in fields(Options):
        name, convert = option.name.replace("_", "-"), Path if option.name == "output" else int
        parser.add_argument(f"--{name}", type=convert, default=option.default, help=option.metadata.get("help", name))
    return Options(**vars(parser.parse_args()))


def train(options: Options) -> dict[str, dict[str, float]]:
    """Train the three networks one after the other.

    Returns:
        For each network its errors on the held-out performers.
    """
    # not at the top: the worker processes that render import this file too, and do not need torch and transformers
    from vit_resnext import train_compact_resnext, train_compact_vit
    from yolo import train_compact_yolo

    clip_size, augmentation = demo_settings()
    shared = (options.size or clip_size, options.seed, augmentation, options.processes)
    frames = render_hand_frames(range(options.performers), options.frames_each, *shared)
    strangers = range(options.performers, options.performers + options.held_out_performers)
    held_out = render_hand_frames(strangers, 8, *shared)
    folder, seed = options.output, options.seed
    return {
        "resnext": train_compact_resnext(frames, held_out, folder / "resnext", options.resnext_epochs, seed),
        "vit": train_compact_vit(frames, held_out, folder / "vit", options.vit_epochs, seed),
        "yolo": train_compact_yolo(frames, held_out, folder / "yolo.pt", options.yolo_epochs, seed),
    }


def demo_settings() -> tuple[int, AugmentationParameters]:
    """Size of the demo's clips, and its augmentation for single frames."""
    base, demo = (
        yaml.safe_load((ROOT / "conf" / file).read_text(encoding="utf-8"))
        for file in ("base/parameters_feature_engineering.yml", "demo/parameters.yml")
    )
    # no distortion: it would move the hand away from where it was drawn
    changes = {"distortion": 0.0, "horizontal_flip": 0.5, "blur": 0.4}
    return demo["clips"]["size"], AugmentationParameters(**base["augmentation"] | demo["augmentation"] | changes)


if __name__ == "__main__":  # worker processes import this file under another name
    main()
