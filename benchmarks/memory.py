"""Peak memory of extraction for some clips and for ten times as many, each in a separate process.

The backbones have the real widths, but few layers, and the frames are small. The embeddings of a clip, which could
accumulate in memory, have their real size of 1.18 MB.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from measuring import arguments, print_table

SIZE, FRAMES = 32, 32
CLIPS, ROUNDS = 24, 3


def extract(folder: Path, clips: int) -> None:
    """Embed clips of random pixels with one loader process and write them, as a run does."""
    import pandas as pd
    import torch

    from hand_gestures.embedding.clip_views import VideoSequenceDataset
    from hand_gestures.embedding.embed_sequences import Extraction, HandSearch, embed_sequences
    from hand_gestures.embedding.extractor import ClipEmbedder
    from hand_gestures.embedding.view_encoder import ViewEncoder
    from hand_gestures.store.embedding_file import FileGroup
    from hand_gestures.store.write import write_embeddings

    names = [f"wave_frame_{number:02d}.png" for number in range(FRAMES)]
    rng = np.random.default_rng(0)
    for name in names:
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))
    ids = [f"wave/{clip}" for clip in range(clips)]
    # made-up digests: clips of equal content would be embedded once
    contents = [f"{clip:032x}" for clip in range(clips)]
    table = pd.DataFrame({"sequence_id": ids, "class_name": "wave", "frames": [names] * clips, "content": contents})
    recipe = {
        "contract": {"frames": FRAMES, "storage": "float32"},
        "views": {"mirrored_labels": {"wave": "wave"}},
        "hands": {},
        "provenance": {},
        "class_names": ["wave"],
    }
    encoder = ViewEncoder(ClipEmbedder(*small_backbones(), torch.device("cpu")), None)
    pending = embed_sequences(
        VideoSequenceDataset(table, folder, SIZE),
        Extraction(
            lambda frames: encoder, encoder.channel_names, encoder.width, HandSearch(None, (), 1), recipe, {}, workers=1
        ),
        FileGroup(1),
        upgrade=lambda file: None,
        task="embedding",
    )
    write_embeddings(folder / "embeddings.h5", pending)


def small_backbones() -> tuple:
    """A ViT of one layer and 768 features, a ResNeXt of four blocks and 2048."""
    import timm
    from transformers import ViTConfig, ViTModel

    from hand_gestures.backbones.networks import Backbone, MeanTokens
    from hand_gestures.backbones.preprocessing import Preprocessing

    vit = ViTModel(ViTConfig(num_hidden_layers=1, image_size=SIZE, intermediate_size=768), add_pooling_layer=False)
    sizes = {"layers": [1, 1, 1, 1], "channels": [8, 16, 16, 512], "cardinality": 8, "base_width": 8}
    resnext = timm.create_model("resnext50_32x4d", pretrained=False, num_classes=0, **sizes)
    half = Preprocessing(SIZE, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return Backbone(MeanTokens(vit).eval(), 768, half), Backbone(resnext.eval(), 2048, half)


def peak(clips: int) -> dict[str, float]:
    """Peak memory in MB of a process that embeds `clips` clips, and of its loader process."""
    done = subprocess.run([sys.executable, __file__, "--measure", str(clips)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure few and many clips in turn, and print a table."""
    given = arguments(__doc__, "measure")
    if given.measure:
        with tempfile.TemporaryDirectory() as folder:
            extract(Path(folder), given.measure)
        kinds = {"main": resource.RUSAGE_SELF, "loader": resource.RUSAGE_CHILDREN}
        print(json.dumps({name: resource.getrusage(kind).ru_maxrss / 1024 for name, kind in kinds.items()}))
        return
    few = 2 if given.quick else CLIPS
    runs = [(peak(few), peak(10 * few)) for _ in range(1 if given.quick else ROUNDS)]
    rows = []
    for process in ("main", "loader"):
        one, ten = (statistics.median(run[which][process] for run in runs) for which in (0, 1))
        rows.append([f"{process} process", f"{one:,.0f} MB", f"{ten:,.0f} MB", f"{ten / one:.2f}x", "≤ 1.1x", "1.0x"])
    print_table(
        f"Peak memory of extraction ({len(runs)} rounds; all embeddings of the larger run: {few * 10 * 1.18:,.0f} MB)",
        ["metric", f"{few} clips", f"{10 * few} clips", "ratio", "expected", "known limit"],
        rows,
    )


if __name__ == "__main__":
    main()
