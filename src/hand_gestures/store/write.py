"""Write one embeddings file: a run can be killed at any moment, and the next run ends with the same bytes."""

import json
import logging
import shutil
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

from hand_gestures.store.checkpoint import DamagedPartError, ExtractionCheckpoint, explain_disk_errors
from hand_gestures.store.embedding_file import SCHEMA_VERSION, EmbeddingFile, EmbeddingHeader, PendingEmbeddings
from hand_gestures.store.file_check import LockedFileError, RefusedContentError, check_shape
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.progress import progress
from hand_gestures.utils.resumable import atomic_write, identity_difference
from hand_gestures.utils.rules import pluralise

logger = logging.getLogger(__name__)

WRITER_THREADS = 2  # pack and write finished sequences while the device computes the next ones
GZIP_LEVEL = 4  # only recorded in the file: the chunks are already packed


def write_embeddings(path: Path, pending: PendingEmbeddings) -> None:
    """Embed the sequences that are missing and write them to `path`; memory holds a few sequences at a time.

    A file that is complete and has the same identity is left as it is. Finished sequences are kept in
    `{name}.parts/` until all of them are joined. After a kill the next call continues; with another fingerprint or
    other frames it starts again. An earlier file stays at `path` until the new one is on disk.

    Args:
        path: the HDF5 file.
        pending: the sequences and the function that embeds them.

    Raises:
        HandGesturesError: clips are too large to be read again, a frame or a finished sequence is damaged, the disk is
            full, or another run writes this file.
    """
    _require_readable_shape(pending.header)
    checkpoint = ExtractionCheckpoint(path)
    if _is_up_to_date(path, pending.header):
        if checkpoint.folder.exists():  # left by a kill between joining and removing
            with checkpoint.locked():  # or in use by a run that writes this file with other settings
                checkpoint.remove()
        return
    count = len(pending.sequence_ids)
    with checkpoint.locked():
        finished = checkpoint.resume(pending.header.identity())
        if finished:
            logger.info("%s: %d of %d sequences are embedded already", path.name, len(finished), count)
        missing = [index for index in range(count) if index not in finished]
        _warn_if_disk_may_fill(path, pending.header, len(missing) / max(1, count))
        _embed(missing, checkpoint, pending)
        damaged = _join(path, checkpoint, pending)
        if damaged:
            logger.warning(
                "%s: %s of an earlier run cannot be read and %s embedded again, the first is %s",
                path.name,
                pluralise(len(damaged), "finished sequence"),
                "is" if len(damaged) == 1 else "are",
                next(iter(damaged.values())),
            )
            checkpoint.discard(damaged)
            _embed(list(damaged), checkpoint, pending)
            if still_damaged := _join(path, checkpoint, pending):
                raise HandGesturesError(
                    "finished sequences must be readable after they are written, but "
                    f"{next(iter(still_damaged.values()))} is not; check the disk and run again: the run continues "
                    "where it stopped"
                )
        checkpoint.remove()


def _require_readable_shape(header: EmbeddingHeader) -> None:
    try:
        check_shape(header.shape, np.dtype(header.storage).itemsize)
    except RefusedContentError as error:
        raise HandGesturesError(f"{error}; set clips.frames to a lower number") from error


def _is_up_to_date(path: Path, wanted: EmbeddingHeader) -> bool:
    if not path.exists():
        return False
    try:
        difference = identity_difference(EmbeddingFile(path).header.identity(), wanted.identity())
    except LockedFileError:
        raise  # the file may be whole: embedding all clips again would be a waste
    except HandGesturesError as error:
        logger.warning("%s cannot be read and is written again (%s)", path.name, error)
        return False
    if difference is None:
        logger.info("%s is up to date, skipping", path.name)
    else:
        logger.info("%s is written again: %s was %s and is now %s", path.name, *difference)
    return difference is None


def _embed(missing: list[int], checkpoint: ExtractionCheckpoint, pending: PendingEmbeddings) -> None:
    """Embed the sequences with these indices; threads pack and write them meanwhile."""
    writes: deque[Future[None]] = deque()
    # after an error the pool still writes what is embedded, so that the next run need not embed it again
    with ThreadPoolExecutor(WRITER_THREADS) as pool:
        for index, sequence in zip(missing, pending.embed(missing), strict=True):
            writes.append(pool.submit(checkpoint.write, index, sequence, pending.header.storage))
            if len(writes) > 2 * WRITER_THREADS:  # a slow disk must not fill the memory
                writes.popleft().result()
        for write in writes:
            write.result()


def _join(path: Path, checkpoint: ExtractionCheckpoint, pending: PendingEmbeddings) -> dict[int, str]:
    """Join the finished sequences to the file at `path`, unless some are damaged.

    Returns:
        Index and file of each damaged sequence; where there is one, nothing is written.
    """
    damaged: dict[int, str] = {}
    # an HDF5 file is written in one go: a kill while it is open often makes it unreadable
    with suppress(DamagedPartError), explain_disk_errors(path.parent), atomic_write(path) as partial:
        with h5py.File(partial, "w") as file:
            _write_rows(file, checkpoint, pending, path.name, damaged)
            _write_header(file, pending.header)
        if damaged:
            raise DamagedPartError  # the file that is written aside is removed
    return damaged


def _write_rows(
    file: h5py.File, checkpoint: ExtractionCheckpoint, pending: PendingEmbeddings, name: str, damaged: dict[int, str]
) -> None:
    """Write all datasets; sequences that are damaged are left out and added to `damaged`."""
    header, views, count = pending.header, pending.views, len(pending.sequence_ids)
    rows, *clip_shape = header.shape
    data = file.create_dataset(
        "embeddings/data",
        header.shape,
        header.storage,
        chunks=(1, *clip_shape),
        maxshape=(None, *clip_shape),  # HDF5 refuses chunks larger than a fixed shape, and a file may have no rows
        shuffle=True,
        compression="gzip",
        compression_opts=GZIP_LEVEL,
    )
    labels = np.empty(rows, np.int64)
    boxes = np.empty((rows, len(header.hand_frames), header.max_hands, 4), np.float32)
    scores = np.empty(boxes.shape[:3], np.float32)
    for index in progress(range(count), count, f"joining {name}"):
        try:
            packed = checkpoint.read(index, views)
        except DamagedPartError as error:
            damaged[index] = str(error)
            continue
        own_rows = slice(index * views, (index + 1) * views)
        for row, chunk in enumerate(packed.chunks, start=own_rows.start):
            # without unpacking: joining costs no more than copying the bytes
            data.id.write_direct_chunk((row, 0, 0, 0), chunk)
        labels[own_rows], boxes[own_rows], scores[own_rows] = packed.labels, packed.boxes, packed.scores
    # the order of these lines decides the bytes of the file
    file["labels/data"] = labels
    file["views/data"] = np.tile(np.arange(views), count)
    sequence_ids = np.repeat(np.array(pending.sequence_ids, object), views)
    file.create_dataset("sequence_ids/data", data=sequence_ids, dtype=h5py.string_dtype())
    file["hands/frames"] = np.array(header.hand_frames, np.int64)
    file["hands/boxes"], file["hands/scores"] = boxes, scores


def _write_header(file: h5py.File, header: EmbeddingHeader) -> None:
    file.attrs["schema_version"] = SCHEMA_VERSION
    file.attrs.create("class_names", header.class_names, dtype=h5py.string_dtype())
    file.attrs.create("channel_names", header.channel_names, dtype=h5py.string_dtype())
    file.attrs["fingerprint"] = json.dumps(header.fingerprint, sort_keys=True)
    file.attrs["sources"] = header.sources
    # "closeness" is the attribute's name in files of schema version 1
    file.attrs["closeness"] = json.dumps(header.precision_error, sort_keys=True)


def _warn_if_disk_may_fill(path: Path, header: EmbeddingHeader, missing_share: float) -> None:
    """Embeddings hardly compress: the joined file and the missing part of `.parts` each take about their plain size."""
    size = int(np.prod(header.shape)) * np.dtype(header.storage).itemsize
    needed, free = size * (1 + missing_share), shutil.disk_usage(path.parent).free
    if needed > free:
        logger.warning(
            "%s may need up to %.1f GB until its parts are joined, but %.1f GB are free in %s: if the disk fills up, "
            "free disk space and run again, the run continues where it stopped",
            path.name,
            needed / 1e9,
            free / 1e9,
            path.parent,
        )
