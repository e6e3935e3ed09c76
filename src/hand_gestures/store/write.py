"""Write one embeddings file from rows that exist and rows that are computed.

A run can be killed at any moment, and the next run ends with the same bytes.
"""

import json
import logging
import shutil
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

from hand_gestures.store.checkpoint import ExtractionCheckpoint, Part, explain_disk_errors
from hand_gestures.store.embedding_file import (
    SCHEMA_VERSION,
    ClipRequest,
    EmbeddingFile,
    EmbeddingHeader,
    PendingEmbeddings,
)
from hand_gestures.store.file_check import LockedFileError, RefusedContentError, check_shape
from hand_gestures.store.row_search import DamagedRowError, RowSearch
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.progress import progress
from hand_gestures.utils.resumable import atomic_write, identity_difference
from hand_gestures.utils.rules import pluralise

logger = logging.getLogger(__name__)

WRITER_THREADS = 2  # pack and write finished sequences while the device computes the next ones
GZIP_LEVEL = 4  # only recorded in the file: the chunks are already packed


def write_embeddings(path: Path, pending: PendingEmbeddings) -> None:
    """Copy the rows that exist, embed those that are missing, and write all to `path`.

    Rows are looked for in the embeddings files of the folder of `path`, in what unfinished runs left there, and in
    `pending.sources`. Memory holds a few sequences at a time. A file that has the wanted content is left as it is.
    Computed sequences are kept in `{name}.parts/`, and an earlier file too, until all files of `pending.group` are
    written. After a kill the next call continues. An earlier file stays at `path` until the new one is on disk.

    Args:
        path: the HDF5 file.
        pending: the sequences and the function that embeds them.

    Raises:
        HandGesturesError: clips are too large to be read again, a frame or a computed sequence is damaged, the disk is
            full, or another run writes this file.
    """
    _require_readable_shape(pending.header)
    if not _is_up_to_date(path, pending.header):
        checkpoint = ExtractionCheckpoint(path)
        with checkpoint.locked():
            _write(path, pending, checkpoint)
    for written in pending.group.written(path) or ():
        ExtractionCheckpoint(written).remove()


def _require_readable_shape(header: EmbeddingHeader) -> None:
    try:
        check_shape(header.shape, np.dtype(header.storage).itemsize)
    except RefusedContentError as error:
        raise HandGesturesError(f"{error}; set clips.frames to a lower number") from error


def _is_up_to_date(path: Path, wanted: EmbeddingHeader) -> bool:
    if not path.exists():
        return False
    try:
        found = EmbeddingFile(path).header
    except LockedFileError:
        raise  # the file may be whole: embedding all clips again would be a waste
    except HandGesturesError as error:
        logger.warning("%s cannot be read and is written again (%s)", path.name, error)
        return False
    difference = identity_difference(found.content(), wanted.content())
    if difference is None:
        logger.info("%s is up to date, skipping", path.name)
        return True
    if found.schema_version != wanted.schema_version:
        changed = f"it has schema version {found.schema_version}"
    elif difference.field == "rows_digest":
        changed = "its clips, labels or views changed"
    else:
        changed = f"{difference.field} was {difference.first} and is now {difference.second}"
    logger.info("%s is written again: %s", path.name, changed)
    return False


def _write(path: Path, pending: PendingEmbeddings, checkpoint: ExtractionCheckpoint) -> None:
    planned = _PlannedRows(pending)
    with RowSearch(pending.header, planned.row_keys, planned.hands_keys, pending.upgrade) as search:
        search.add_folder(path.parent)
        for source in pending.sources:
            search.add_file(source)
        requests = planned.missing(search)
        _log_counts(path, planned, search)
        _warn_if_disk_may_fill(path, pending.header, len(planned.row_keys - search.rows.keys()))
        _embed(requests, planned, search, checkpoint)
        damaged = _join(path, planned, search, checkpoint)
        if damaged:
            logger.warning(
                "%s: %d of the found rows and hands cannot be read and are computed again, the first is in %s",
                path.name,
                len(damaged),
                next(iter(damaged.values())),
            )
            search.forget(damaged)
            _embed(planned.missing(search), planned, search, checkpoint)
            if still_damaged := _join(path, planned, search, checkpoint):
                raise HandGesturesError(
                    "computed rows must be readable after they are written, but "
                    f"{next(iter(still_damaged.values()))} is not; check the disk and run again: the run continues "
                    "where it stopped"
                )


class _PlannedRows:
    """The rows of a planned file and their keys."""

    def __init__(self, pending: PendingEmbeddings) -> None:
        self.pending = pending
        keys, contents = pending.header.keys(), [content.tobytes() for content in pending.contents]
        self.rows = [[keys.row(content, view) for view in range(pending.views)] for content in contents]
        self.hands = [keys.hands(content) for content in contents]
        self.row_keys = {key for sequence in self.rows for key in sequence}
        self.hands_keys = set(self.hands) if pending.header.hand_frames else set()

    def missing(self, search: RowSearch) -> list[ClipRequest]:
        """What must be computed; sequences with equal frames are computed once."""
        requests, known = [], {*search.rows, *search.hands}
        for index, (row_keys, hands_key) in enumerate(zip(self.rows, self.hands, strict=True)):
            views = tuple(view for view, key in enumerate(row_keys) if key not in known)
            hands = hands_key in self.hands_keys and hands_key not in known
            if views or hands:
                requests.append(ClipRequest(index, views, hands))
                known |= {*row_keys, hands_key}
        return requests


def _log_counts(path: Path, planned: _PlannedRows, search: RowSearch) -> None:
    rows, hands = len(planned.row_keys), len(planned.hands_keys)
    missing_rows, missing_hands = (
        len(planned.row_keys - search.rows.keys()),
        len(planned.hands_keys - search.hands.keys()),
    )
    logger.info(
        "%s: %s copied, %s computed; hands of %s copied, of %s searched",
        path.name,
        pluralise(rows - missing_rows, "row"),
        missing_rows,
        pluralise(hands - missing_hands, "clip"),
        missing_hands,
    )


def _embed(
    requests: list[ClipRequest], planned: _PlannedRows, search: RowSearch, checkpoint: ExtractionCheckpoint
) -> None:
    """Compute what is requested; threads pack and write it meanwhile. The search then knows it."""
    writes: deque[Future[Part]] = deque()
    # after an error the pool still writes what is embedded, so that the next run need not embed it again
    with ThreadPoolExecutor(WRITER_THREADS) as pool:
        for request, sequence in zip(requests, planned.pending.embed(requests), strict=True):
            row_keys = [planned.rows[request.sequence][view] for view in request.views]
            hands_key = planned.hands[request.sequence] if request.hands else b""
            storage = planned.pending.header.storage
            writes.append(pool.submit(checkpoint.write, sequence, row_keys, hands_key, storage))
            if len(writes) > 2 * WRITER_THREADS:  # a slow disk must not fill the memory
                search.add_part(writes.popleft().result())
        for write in writes:
            search.add_part(write.result())


def _join(path: Path, planned: _PlannedRows, search: RowSearch, checkpoint: ExtractionCheckpoint) -> dict[bytes, str]:
    """Join all rows to the file at `path`, unless some are damaged.

    Returns:
        Key and file of each damaged row; where there is one, nothing is written.
    """
    damaged: dict[bytes, str] = {}
    # an HDF5 file is written in one go: a kill while it is open often makes it unreadable
    with suppress(DamagedRowError), explain_disk_errors(path.parent), atomic_write(path) as partial:
        with h5py.File(partial, "w") as file:
            _write_rows(file, planned, search, path.name, damaged)
            _write_header(file, planned.pending.header)
        if damaged:
            raise DamagedRowError  # the file that is written aside is removed
        search.close()  # some systems do not replace a file that is open
        if planned.pending.group.count > 1:
            checkpoint.keep_earlier_file()
    return damaged


def _write_rows(
    file: h5py.File, planned: _PlannedRows, search: RowSearch, name: str, damaged: dict[bytes, str]
) -> None:
    """Write all datasets; rows that are damaged are left out and added to `damaged`."""
    pending, header = planned.pending, planned.pending.header
    views, count = pending.views, len(pending.sequence_ids)
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
    mirrored = np.zeros(rows, np.uint8)
    boxes = np.full((rows, len(header.hand_frames), header.max_hands, 4), np.nan, np.float32)
    scores = np.full(boxes.shape[:3], np.nan, np.float32)
    for index in progress(range(count), count, f"joining {name}"):
        own_rows = range(index * views, (index + 1) * views)
        for row, key in zip(own_rows, planned.rows[index], strict=True):
            try:
                chunk, mirrored[row] = search.read_row(key)
            except DamagedRowError as error:
                damaged[key] = str(error)
                continue
            # without unpacking: joining costs no more than copying the bytes
            data.id.write_direct_chunk((row, 0, 0, 0), chunk)
        key = planned.hands[index]
        if key in planned.hands_keys:
            try:
                boxes[own_rows], scores[own_rows] = search.read_hands(key)
            except DamagedRowError as error:
                damaged[key] = str(error)
    # the order of these lines decides the bytes of the file
    file["labels/data"] = np.repeat(pending.labels, views, axis=0)[np.arange(rows), mirrored].astype(np.int64)
    file["views/data"] = np.tile(np.arange(views), count)
    sequence_ids = np.repeat(np.array(pending.sequence_ids, object), views)
    file.create_dataset("sequence_ids/data", data=sequence_ids, dtype=h5py.string_dtype())
    file["mirrored/data"] = mirrored
    file["contents/data"] = np.repeat(pending.contents, views, axis=0)
    file["hands/frames"] = np.array(header.hand_frames, np.int64)
    file["hands/boxes"], file["hands/scores"] = boxes, scores


def _write_header(file: h5py.File, header: EmbeddingHeader) -> None:
    file.attrs["schema_version"] = SCHEMA_VERSION
    file.attrs.create("class_names", header.class_names, dtype=h5py.string_dtype())
    file.attrs.create("channel_names", header.channel_names, dtype=h5py.string_dtype())
    for name in ("contract", "recipe", "hand_search", "provenance", "precision_error"):
        file.attrs[name] = json.dumps(getattr(header, name), sort_keys=True)
    file.attrs["rows_digest"] = header.rows_digest


def _warn_if_disk_may_fill(path: Path, header: EmbeddingHeader, missing: int) -> None:
    """Embeddings hardly compress: the rows of the file and those in `.parts` each take about their plain size."""
    row = int(np.prod(header.shape[1:])) * np.dtype(header.storage).itemsize
    needed, free = row * (header.shape[0] + missing), shutil.disk_usage(path.parent).free
    if needed > free:
        logger.warning(
            "%s may need up to %.1f GB until its parts are joined, but %.1f GB are free in %s: if the disk fills up, "
            "free disk space and run again, the run continues where it stopped",
            path.name,
            needed / 1e9,
            free / 1e9,
            path.parent,
        )
