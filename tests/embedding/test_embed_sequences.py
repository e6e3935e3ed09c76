import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from hand_gestures.augmentation import ClipAugmentation
from hand_gestures.embedding.backbones import Backbone
from hand_gestures.embedding.embed_sequences import embed_sequences
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.embedding.hand_table import HAND_COLUMNS
from hand_gestures.embedding.preprocessing import Preprocessing
from hand_gestures.errors import HandGesturesError
from hand_gestures.parameters import AugmentationParameters
from hand_gestures.video.clips import VideoSequenceDataset
from hand_gestures.video.sequences import build_sequences

MIRROR = {"fist": "fist", "swipe_left": "swipe_right", "swipe_right": "swipe_left"}


@pytest.fixture
def frames_dir(tmp_path):
    rng = np.random.default_rng(0)
    for class_name in MIRROR:
        for video in range(2):
            for number in range(3):
                path = tmp_path / class_name / f"v{video}_frame_{number}.png"
                path.parent.mkdir(exist_ok=True)
                cv2.imwrite(str(path), rng.integers(0, 256, (24, 32, 3), np.uint8))
    return tmp_path


@pytest.fixture
def sequences(frames_dir):
    rows = [
        (path.parent.name, *path.stem.split("_frame_"), str(path.relative_to(frames_dir)))
        for path in frames_dir.rglob("*.png")
    ]
    frames = pd.DataFrame(rows, columns=["class_name", "video_id", "frame_number", "path"])
    return build_sequences(frames.astype({"frame_number": int}), 5, None)


def backbone(width, seed):
    torch.manual_seed(seed)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, width)).eval()
    return Backbone(network, width, Preprocessing(8, "bilinear", (0.5,) * 3, (0.5,) * 3))


def stream(sequences, frames_dir, hands=(), views=1):
    augmentation = ClipAugmentation(size=16, **AugmentationParameters().transform())
    return embed_sequences(
        clips=VideoSequenceDataset(sequences, frames_dir, 16, augmentation, views, seed=3),
        embedder=ClipEmbedder(backbone(4, 1), backbone(10, 2), torch.device("cpu"), batch_size=2),
        labels=list(sequences["class_name"]),
        mirrored_labels=MIRROR,
        hands=pd.DataFrame(hands, columns=HAND_COLUMNS),
        hand_frames=[0, 4],
        max_hands=2,
        fingerprint={},
        frames_per_clip=5,
        workers=0,
        doing="embedding",
    )


def test_rows_are_the_views_of_the_sequences_in_order(sequences, frames_dir):
    header, rows = stream(sequences, frames_dir, views=2)
    assert header.shape == (18, 5, 12, 4)
    assert header.class_names == tuple(MIRROR)
    rows = list(rows)
    assert [row.sequence_id for row in rows] == [name for name in sequences["sequence_id"] for _ in range(3)]
    assert [row.view for row in rows] == [0, 1, 2] * 6
    for row in rows:
        own = row.sequence_id.split("/")[0]
        assert header.class_names[row.label] == (MIRROR[own] if row.view else own)


def test_a_repeated_frame_repeats_its_embedding(sequences, frames_dir):
    row = next(stream(sequences, frames_dir).rows)
    assert row.embedding.shape == (5, 12, 4)
    np.testing.assert_array_equal(row.embedding[3], row.embedding[2])
    np.testing.assert_array_equal(row.embedding[4], row.embedding[2])
    assert not np.array_equal(row.embedding[1], row.embedding[2])


def test_hands_of_a_sequence_stand_in_all_its_rows(sequences, frames_dir):
    found = [
        ("fist/v1", 4, 0.1, 0.2, 0.3, 0.4, 0.5),
        ("fist/v1", 4, 0.5, 0.6, 0.7, 0.8, 0.9),
        ("fist/v1", 4, 0.0, 0.0, 0.1, 0.1, 0.1),  # one more than a frame may have, and the least sure
    ]
    rows = {(row.sequence_id, row.view): row for row in stream(sequences, frames_dir, found).rows}
    for view in (0, 1):
        row = rows["fist/v1", view]
        np.testing.assert_allclose(row.scores, [[np.nan, np.nan], [0.9, 0.5]])
        np.testing.assert_allclose(row.boxes[1], [[0.5, 0.6, 0.7, 0.8], [0.1, 0.2, 0.3, 0.4]])
    assert np.isnan(rows["fist/v0", 0].boxes).all()


def test_a_clip_is_read_only_when_its_row_is_asked_for(sequences, frames_dir):
    rows = stream(sequences, frames_dir, views=0).rows
    (frames_dir / sequences["frames"].iloc[1][0]).unlink()
    assert next(rows).sequence_id == sequences["sequence_id"].iloc[0]
    with pytest.raises(HandGesturesError, match="restore the file"):
        next(rows)


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path):
    """Rows of 0.6 MB: holding 190 more of them would take 110 MB more."""
    script = (
        "import sys, resource; from pathlib import Path; import numpy as np\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from hand_gestures.embedding.store import EmbeddedView, EmbeddingHeader, EmbeddingStream, write_embeddings\n"
        "count = int(sys.argv[1]); empty = np.empty((0, 1, 4), np.float32)\n"
        "header = EmbeddingHeader((count, 32, 12, 384), ('a',), ('c',) * 12, (), 1, {})\n"
        "clips = (EmbeddedView(np.full((32, 12, 384), n, np.float32), 0, str(n), 0, empty, empty[..., 0])"
        " for n in range(count))\n"
        "write_embeddings(Path(sys.argv[2]), EmbeddingStream(header, clips))\n"
        "unit = 1024 if sys.platform == 'darwin' else 1\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit)\n"
    )
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", script, str(count), str(tmp_path / f"{count}.h5")],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for count in (10, 200)
    ]
    assert peaks[1] - peaks[0] < 40_000  # kilobytes
