"""From sequences still to be embedded to one whole file: restartable at any moment, bit for bit the same."""

import json
import logging
import os
import shutil
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np

from hand_gestures.store.embedding_file import SCHEMA_VERSION, EmbeddingFile, EmbeddingHeader, PendingEmbeddings
from hand_gestures.store.parts import Parts, writing_to
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import first_difference
from hand_gestures.utils.progress import progress

logger = logging.getLogger(__name__)

WRITERS = 2  # threads that pack and write: the device goes on meanwhile
GZIP_LEVEL = 4  # told to readers; the chunks come packed


def write_embeddings(path: Path, stream: PendingEmbeddings) -> None:
    """Embed what is missing and write `path`; memory holds a few sequences at a time.

    Each finished sequence lies in `{name}.parts/` until all are there and are joined. Killed at any moment, the
    next call goes on; with another fingerprint or other frames it starts afresh. A file that is whole and made
    from the same is left alone. What was at `path` stays until the new file is on disk.

    Raises:
        HandGesturesError: a frame is gone, a part is damaged, the disk is full, another run writes the same file.
    """
    parts = Parts(path.with_name(path.name + ".parts"))
    if _is_there(path, stream.header):
        parts.remove()
        return
    with parts.alone():
        missing = _missing(path, parts, stream)
        _warn_of_little_room(path, stream.header, len(missing) / max(1, len(stream.sequence_ids)))
        _embed(missing, parts, stream)
        with writing_to(path.parent):
            _join(path, parts, stream)
        parts.remove()


def _is_there(path: Path, wanted: EmbeddingHeader) -> bool:
    if not path.exists():
        return False
    try:
        differs = first_difference(EmbeddingFile(path).header.identity(), wanted.identity())
    except HandGesturesError as error:
        logger.warning("%s is written anew, as it cannot be read (%s)", path.name, error)
        return False
    if differs is None:
        logger.info("%s is there already, made from the same frames in the same way", path.name)
    else:
        logger.info("%s is written anew: %s was %s and is now %s", path.name, *differs)
    return differs is None


def _missing(path: Path, parts: Parts, stream: PendingEmbeddings) -> list[int]:
    identity = stream.header.identity()
    earlier = parts.identity()
    differs = first_difference(earlier, identity) if earlier is not None else None
    if differs is not None:
        logger.warning(
            "what an unfinished run had embedded for %s is removed: %s was %s and is now %s", path.name, *differs
        )
    if earlier is None or differs is not None:
        parts.begin(identity)
    finished = parts.finished()
    if finished:
        logger.info("%s: %d of %d sequences are embedded already", path.name, len(finished), len(stream.sequence_ids))
    return [place for place in range(len(stream.sequence_ids)) if place not in finished]


def _embed(missing: list[int], parts: Parts, stream: PendingEmbeddings) -> None:
    """Embed the sequences at `missing`; packing and writing go on beside it. What was embedded before an error
    is written before the error is passed on."""
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(WRITERS) as writers:
        for place, sequence in zip(missing, stream.embed(missing), strict=True):
            waiting.append(writers.submit(parts.write, place, sequence, stream.header.storage))
            if len(waiting) > 2 * WRITERS:
                waiting.popleft().result()
        for written in waiting:
            written.result()


def _join(path: Path, parts: Parts, stream: PendingEmbeddings) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        with h5py.File(partial, "w") as file:
            _write_rows(file, parts, stream, path.name)
            _write_header(file, stream.header)
        _flush(partial)
        partial.replace(path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _write_rows(file: h5py.File, parts: Parts, stream: PendingEmbeddings, name: str) -> None:
    header, views = stream.header, stream.views
    rows, frames, channels, width = header.shape
    sampled, hands = len(header.hand_frames), header.max_hands
    data = file.create_dataset(
        "embeddings/data",
        header.shape,
        header.storage,
        chunks=(1, frames, channels, width),
        maxshape=(None, frames, channels, width),  # a chunk of one clip fits in a file of none
        shuffle=True,
        compression="gzip",
        compression_opts=GZIP_LEVEL,
    )
    labels = np.empty(rows, np.int64)
    boxes = np.empty((rows, sampled, hands, 4), np.float32)
    scores = np.empty((rows, sampled, hands), np.float32)
    places = range(len(stream.sequence_ids))
    for place in progress(places, len(places), f"joining {name}"):
        part = parts.read(place, views)
        of_sequence = slice(place * views, (place + 1) * views)
        for row, chunk in enumerate(part.chunks, start=of_sequence.start):
            data.id.write_direct_chunk((row, 0, 0, 0), chunk)
        labels[of_sequence], boxes[of_sequence], scores[of_sequence] = part.labels, part.boxes, part.scores
    file["labels/data"] = labels
    file["views/data"] = np.tile(np.arange(views), len(places))
    sequence_ids = np.repeat(np.array(stream.sequence_ids, object), views)
    file.create_dataset("sequence_ids/data", data=sequence_ids, dtype=h5py.string_dtype())
    file["hands/frames"] = np.array(header.hand_frames, np.int64)
    file["hands/boxes"], file["hands/scores"] = boxes, scores


def _write_header(file: h5py.File, header: EmbeddingHeader) -> None:
    file.attrs["schema_version"] = SCHEMA_VERSION
    file.attrs.create("class_names", header.class_names, dtype=h5py.string_dtype())
    file.attrs.create("channel_names", header.channel_names, dtype=h5py.string_dtype())
    file.attrs["fingerprint"] = json.dumps(header.fingerprint, sort_keys=True)
    file.attrs["sources"] = header.sources
    file.attrs["closeness"] = json.dumps(header.precision_error, sort_keys=True)


def _warn_of_little_room(path: Path, header: EmbeddingHeader, share: float) -> None:
    """Numbers that hardly compress: the parts and the joined file each take about their plain size."""
    size = int(np.prod(header.shape)) * np.dtype(header.storage).itemsize
    needed, free = size * (1 + share), shutil.disk_usage(path.parent).free
    if needed > free:
        logger.warning(
            "%s may need up to %.1f GB until its parts are joined, but %.1f GB are free in %s: if the disk fills up, "
            "make room and run again, it goes on where it was",
            path.name,
            needed / 1e9,
            free / 1e9,
            path.parent,
        )


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
