"""Use the rows of embeddings files of schema version 1, which say nothing about the content of their frames.

Such a file has one digest of its clips: their ids, classes, and the paths and sizes of their frames. Where the frames
of today give the same digest, its rows are those of today's frames. A frame that was replaced by another one of the
same name and size stays unnoticed, as it did in that version. If one clip of the file was moved, removed or changed,
nothing is proven and no row is used.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from hand_gestures.augmentation import mirrored_rows_of_schema_1
from hand_gestures.embedding.clip_contents import content_bytes
from hand_gestures.store.embedding_file import EmbeddingFile, UpgradedRows
from hand_gestures.video.image_files import frame_bytes


def make_upgrade(sequences: pd.DataFrame, frames_dir: Path) -> Callable[[EmbeddingFile], UpgradedRows | None]:
    """A function that completes files of schema version 1.

    An augmented row keeps the random draw of that version, which depended on the name of its clip. The same clip
    embedded now has another draw of the same distribution.

    Args:
        sequences: table of all clips of today, of all splits, with `sequence_id`, `frames` and `content`.
        frames_dir: folder to which the frames are relative.

    Returns:
        The function that `PendingEmbeddings.upgrade` describes.
    """

    def upgrade(file: EmbeddingFile) -> UpgradedRows | None:
        header = file.header
        frames = dict(zip(sequences["sequence_id"], sequences["frames"], strict=True))
        clean = np.flatnonzero(file.views == 0)
        clips = [(file.sequence_ids[row], header.class_names[file.labels[row]]) for row in clean]
        if any(sequence_id not in frames for sequence_id in file.sequence_ids):
            return None
        paths = [(sequence_id, class_name, frames[sequence_id]) for sequence_id, class_name in clips]
        if digest_of_schema_1(paths, frames_dir) != header.provenance["sources"]:
            return None
        contents = dict(zip(sequences["sequence_id"], sequences["content"], strict=True))
        rows = content_bytes(contents[sequence_id] for sequence_id in file.sequence_ids)
        mirrored = mirrored_rows_of_schema_1(header.recipe["augmentation"], file.sequence_ids, file.views.tolist())
        return UpgradedRows(rows, mirrored)

    return upgrade


def digest_of_schema_1(clips: list[tuple[str, str, list[str]]], frames_dir: Path) -> str:
    """The attribute `sources` of schema version 1.

    Args:
        clips: id, class and frames of each clip.
        frames_dir: folder to which the frames are relative.

    Returns:
        64 hex digits.
    """
    digest = hashlib.sha256()
    for sequence_id, class_name, paths in clips:
        sizes = {path: frame_bytes(frames_dir / path) for path in paths}  # a repeated frame counts once
        digest.update(json.dumps([sequence_id, class_name, list(paths), list(sizes.values())]).encode())
    return digest.hexdigest()
