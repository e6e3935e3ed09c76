"""What an embeddings file may contain. It may come from somebody else, so all of it is checked before it is read.

A file can declare more than it holds: links to other files, filters that are programs of their own, arrays of any size,
chunks of a kilobyte that inflate to gigabytes. The checks read what the file declares, and the few small arrays; they
read no embeddings and allocate nothing of a declared size.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import h5py
import numpy as np
from zlib_ng import zlib_ng

from hand_gestures.store.attribute_lengths import text_lengths
from hand_gestures.store.row_keys import KEY_BYTES
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import parse_json

MAX_FRAMES, MAX_CHANNELS, MAX_WIDTH = 4096, 1024, 65536  # of a clip (T, C, D); the method has 32, 12 and 768
LIMITS = (MAX_FRAMES, MAX_CHANNELS, MAX_WIDTH)
MAX_CLIP_BYTES = 1 << 27  # 134 MB; a clip of the method has 1.2 MB
MAX_CHUNK_BYTES = 1 << 27
MAX_HANDS = 1000  # per frame
MAX_NAMES = 10_000  # classes or channels
MAX_NAME_BYTES = 4096  # of a class, a channel or a sequence
MAX_TEXT_BYTES = 1 << 20  # of an attribute in JSON
MIN_ARRAY_BYTES = 1 << 26  # an array beside the embeddings may be as large as the file, or 67 MB if the file is smaller
DEFLATE_LIMIT = 1032  # deflate cannot shrink more than this
CHUNK_INDEX_BYTES = 8  # that a chunk needs at least in the index of the file
CHECKSUM_BYTES = 4  # that the filter fletcher32 adds to a chunk
GZIP, SHUFFLE, FLETCHER32 = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32
FILTERS = {GZIP: "gzip", SHUFFLE: "shuffle", FLETCHER32: "fletcher32"}
EMBEDDINGS = "embeddings/data"


class RefusedContentError(ValueError):
    """Content that an embeddings file must not have: the rule and the value, without the path."""


class LockedFileError(HandGesturesError):
    """HDF5 could not lock a file that is not damaged."""


def explain_lock(path: Path, error: Exception) -> None:
    """Raise a sentence about the lock if that is why HDF5 could not open or create a file.

    HDF5 locks each file it opens. The lock fails while another program has the file open for writing, and on file
    systems without locks.

    Args:
        path: the file, or the folder in which it is.
        error: what h5py raised.

    Raises:
        LockedFileError: the error is about the lock.
    """
    if "unable to lock file" in str(error):
        reason = re.search("error message = '(.+?)'", str(error))  # how HDF5 quotes the operating system
        raise LockedFileError(
            f"HDF5 must lock each file that it opens, but the lock failed at {path} "
            f"({reason.group(1) if reason else _one_line(error)}); wait until the program that has the file open for "
            "writing ends, or if there is none and the file system has no locks (some NFS), set "
            "HDF5_USE_FILE_LOCKING=FALSE in the environment"
        ) from error


@contextmanager
def explain_content(path: Path) -> Iterator[None]:
    """Turn everything that reading a damaged or hostile file raises into one sentence.

    Args:
        path: the file that the block reads.

    Raises:
        HandGesturesError: the block raised any error.
    """
    try:
        yield
    except HandGesturesError:
        raise
    except Exception as error:  # for damaged metadata h5py raises almost every class, MemoryError among them
        rule = "all content of an embeddings file must be readable"
        reason = error if isinstance(error, RefusedContentError) else f"{rule}, but HDF5 reports {_one_line(error)}"
        raise HandGesturesError(
            f"{reason} (in {path}); use an intact copy, or remove the file and run kedro run --pipeline "
            "feature_engineering"
        ) from error


def check_file(file: h5py.File, schema_version: int) -> None:
    """Check all that a file declares, and the content of its labels, views and hand frames.

    Attributes with descriptions are checked where they are read, see `EmbeddingFile.header`.

    Args:
        file: an open embeddings file.
        schema_version: its schema version.

    Raises:
        RefusedContentError: the first rule that the file breaks. Damaged files raise other errors too.
    """
    size = Path(file.filename).stat().st_size
    embeddings = find_dataset(file, EMBEDDINGS)
    check_shape(_shape(embeddings, EMBEDDINGS, 4), _dtype(embeddings, EMBEDDINGS, ("float32", "float16")).itemsize)
    _check_storage(embeddings, EMBEDDINGS, size)
    rows, frames, channels, _ = embeddings.shape
    class_names, channel_names = (read_names(file, name) for name in ("class_names", "channel_names"))
    if len(channel_names) != channels:
        _refuse(
            "channel_names must name every channel of the embeddings",
            f"there are {len(channel_names)} names for {channels} channels",
        )
    _check_row_indices(file, "labels/data", size, rows, len(class_names), "as many as class_names has")
    _check_row_indices(file, "views/data", size, rows)
    if schema_version > 1:
        _check_row_indices(file, "mirrored/data", size, rows, 2, "1 for a mirror image")
        contents = _small_dataset(file, "contents/data", size, 2)
        _dtype(contents, "contents/data", ("uint8",))
        _check_rows(contents, "contents/data", (rows, KEY_BYTES))
    _check_rows(_small_dataset(file, "sequence_ids/data", size, 1), "sequence_ids/data", (rows,))
    hand_frames = _read_indices(file, "hands/frames", size)
    _check_range(hand_frames, "hands/frames", frames, "as many as a clip has")
    boxes = _small_dataset(file, "hands/boxes", size, 4)
    scores = _small_dataset(file, "hands/scores", size, 3)
    _dtype(boxes, "hands/boxes", ("float32",))
    _dtype(scores, "hands/scores", ("float32",))
    hands = boxes.shape[2]
    if hands > MAX_HANDS:
        _refuse(f"hands/boxes must have at most {MAX_HANDS} hands per frame", f"it has {hands}")
    _check_rows(boxes, "hands/boxes", (rows, len(hand_frames), hands, 4))
    _check_rows(scores, "hands/scores", (rows, len(hand_frames), hands))


def check_shape(shape: Sequence[int], itemsize: int) -> None:
    """Check the shape of the embeddings.

    Args:
        shape: (N, T, C, D).
        itemsize: bytes of a number.

    Raises:
        RefusedContentError: a clip is empty or too large.
    """
    for name, count, limit in zip(("frames", "channels", "features"), shape[1:], LIMITS, strict=True):
        if not 1 <= count <= limit:
            _refuse(f"a clip must have 1 to {limit} {name}", f"embeddings of shape {tuple(shape)} have {count}")
    clip = math.prod(shape[1:]) * itemsize
    if clip > MAX_CLIP_BYTES:
        _refuse(f"a clip must take at most {MAX_CLIP_BYTES} bytes", f"embeddings of shape {tuple(shape)} take {clip}")


def find_dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """Find a dataset that is stored in the file itself; no link to another place is followed.

    Args:
        file: the open file.
        name: path in the file, such as `labels/data`.

    Returns:
        The dataset. Its shape, type and size are not checked yet.

    Raises:
        RefusedContentError: it is missing, a link, another kind of object, or stored in another file.
    """
    node: Any = file
    for part in name.split("/"):
        if not isinstance(node, h5py.Group):
            _refuse(f"{name} must be in a group", f"{node.name} is a {type(node).__name__.lower()}")
        links = node.id.links
        if not links.exists(part.encode()):
            _refuse(f"an embeddings file must hold the dataset {name}", "it is missing")
        kind = links.get_info(part.encode()).type
        if kind != h5py.h5l.TYPE_HARD:
            _refuse(f"{name} must be stored in the file itself", f"it is a link to {_link_target(links, part)}")
        node = node[part]
    if not isinstance(node, h5py.Dataset):
        _refuse(f"{name} must be a dataset", f"it is a {type(node).__name__.lower()}")
    properties = node.id.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL:
        _refuse(f"{name} must be stored in the file itself", "it is a virtual dataset over other files")
    if properties.get_external_count():
        _refuse(f"{name} must be stored in the file itself", f"its numbers are in {properties.get_external(0)[0]!r}")
    _check_filters(node, name)
    return node


def list_filters(dataset: h5py.Dataset) -> list[tuple[int, tuple[int, ...]]]:
    """The filters of a dataset.

    Args:
        dataset: any dataset.

    Returns:
        Code and settings of each filter, in the order in which they are applied when writing.
    """
    properties = dataset.id.get_create_plist()
    found = [properties.get_filter(index) for index in range(properties.get_nfilters())]
    return [(code, values) for code, _, values, _ in found]


def check_chunks(dataset: h5py.Dataset, rows: slice | None = None) -> None:
    """Check that chunks inflate to their declared size, before HDF5 inflates them without any limit.

    Args:
        dataset: a dataset that `find_dataset` returned; nothing is to be checked where it has no chunks.
        rows: rows whose chunks are checked; None for all.

    Raises:
        RefusedContentError: a chunk is smaller or larger than its shape says.
    """
    if dataset.chunks is None or 0 in dataset.shape:
        return
    codes = [code for code, _ in list_filters(dataset)]
    expected = math.prod(dataset.chunks) * dataset.id.get_type().get_size()
    whole = tuple(slice(0, length) for length in dataset.shape)
    for part in dataset.iter_chunks(whole if rows is None else (rows, *whole[1:])):
        start = tuple(axis.start // length * length for axis, length in zip(part, dataset.chunks, strict=True))
        skipped, content = dataset.id.read_direct_chunk(start)
        checksums = FLETCHER32 in codes
        applied = [code for index, code in enumerate(codes) if not skipped >> index & 1]
        size = len(content)
        if GZIP in applied:
            size = len(inflate(content, expected + CHECKSUM_BYTES))
        if not expected <= size <= expected + CHECKSUM_BYTES * checksums:
            _refuse(f"a chunk must hold {expected} bytes as its shape says", f"that at {start} holds {size}")


def inflate(content: bytes, limit: int) -> bytes:
    """Inflate a zlib stream, but not without limit: a kilobyte can inflate to a megabyte.

    Args:
        content: the stream; bytes after its end are ignored.
        limit: most bytes that it may hold.

    Returns:
        What it holds.

    Raises:
        RefusedContentError: it is no such stream, is cut off, or holds more.
    """
    stream = zlib_ng.decompressobj()
    try:
        # one byte more, because a stream whose output ends exactly at the limit would not look finished
        inflated = stream.decompress(content, limit + 1)
    except zlib_ng.error as error:  # type: ignore[misc]  # the stub declares no exception class
        raise RefusedContentError(f"damaged chunk: {error}") from error
    if len(inflated) > limit:
        raise RefusedContentError(f"damaged chunk: more than {limit} bytes")
    if not stream.eof:
        raise RefusedContentError(f"damaged chunk: cut off after {len(inflated)} bytes")
    return inflated


def read_array(file: h5py.File, name: str) -> np.ndarray:
    """Read a whole numeric dataset of a file that `check_file` has accepted.

    Args:
        file: the open file.
        name: path of the dataset.

    Returns:
        Its content.
    """
    dataset = find_dataset(file, name)
    check_chunks(dataset)
    return dataset[:]


def read_sequence_ids(file: h5py.File) -> list[str]:
    """Read the ids of all rows of a file that `check_file` has accepted.

    Args:
        file: the open file.

    Returns:
        N ids.

    Raises:
        RefusedContentError: an id is too long or not UTF-8.
    """
    dataset = find_dataset(file, "sequence_ids/data")
    check_chunks(dataset)
    if h5py.check_string_dtype(dataset.dtype).length is None and dataset.size:
        if dataset.chunks is None:
            _check_text_lengths(file, dataset)
        else:  # the lengths are compressed: one text at a time, so that at most one is too long
            for row in range(len(dataset)):
                _check_text_length(len(dataset[row]))
    return [_decode(text, "sequence_ids/data") for text in dataset[:]]


def read_names(file: h5py.File, name: str) -> tuple[str, ...]:
    """Read an attribute that is a list of different names.

    Args:
        file: the open file.
        name: the attribute.

    Returns:
        The names.

    Raises:
        RefusedContentError: it is missing or is no such list.
    """
    values = np.asarray(_read_strings(file, name, 1, MAX_NAME_BYTES), object)
    names = tuple(_decode(value, name) for value in values)
    if len(set(names)) < len(names):
        _refuse(f"{name} must be different names", f"{max(names, key=names.count)!r} is there twice")
    if "" in names:
        _refuse(f"{name} must not be empty", f"name {names.index('')} is")
    return names


def read_text(file: h5py.File, name: str, default: str | None = None) -> str:
    """Read an attribute that is one text.

    Args:
        file: the open file.
        name: the attribute.
        default: its value where it is missing; None where it must exist.

    Returns:
        The text.

    Raises:
        RefusedContentError: it is missing, no text, or too long.
    """
    if default is not None and name not in file.attrs:
        return default
    return _decode(_read_strings(file, name, 0, MAX_TEXT_BYTES), name, MAX_TEXT_BYTES)


def read_json_attribute(file: h5py.File, name: str, optional: bool = False) -> dict[str, Any]:
    """Read an attribute that is an object in JSON.

    Args:
        file: the open file.
        name: the attribute.
        optional: whether it may be missing; it is empty then.

    Returns:
        The object.

    Raises:
        RefusedContentError: it is missing, not JSON, nested too deeply, or not an object.
    """
    text = read_text(file, name, default="{}" if optional else None)
    try:
        content = parse_json(text)
    except ValueError as error:
        raise RefusedContentError(f"the attribute {name} must be JSON, but it is not ({error})") from error
    if not isinstance(content, dict):
        _refuse(f"the attribute {name} must be a JSON object", f"it is {text[:100]!r}")
    return content


def _refuse(rule: str, value: str) -> NoReturn:
    raise RefusedContentError(f"{rule}, but {value}")


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _link_target(links: h5py.h5l.LinkProxy, name: str) -> str:
    kind = links.get_info(name.encode()).type
    if kind == h5py.h5l.TYPE_SOFT:
        return links.get_val(name.encode()).decode(errors="replace")
    if kind == h5py.h5l.TYPE_EXTERNAL:
        return " in ".join(part.decode(errors="replace") for part in reversed(links.get_val(name.encode())))
    return "something that another program defines"


def _check_filters(dataset: h5py.Dataset, name: str) -> None:
    codes = [code for code, _ in list_filters(dataset)]
    for code in codes:
        if code not in FILTERS:
            _refuse(f"{name} may use the filters {', '.join(FILTERS.values())} only", f"it uses filter {code}")
    if {GZIP, SHUFFLE} <= set(codes) and codes.index(GZIP) < codes.index(SHUFFLE):
        _refuse(f"{name} must be shuffled before gzip compresses it", "gzip is first")
    if len(set(codes)) < len(codes):  # gzip twice could inflate a million times
        _refuse(f"{name} may use every filter once", f"it uses {', '.join(FILTERS[code] for code in codes)}")


def _shape(dataset: h5py.Dataset, name: str, axes: int) -> tuple[int, ...]:
    shape = dataset.shape
    if shape is None or len(shape) != axes:
        _refuse(f"{name} must have {axes} axes", f"its shape is {shape}")
    return shape


def _dtype(dataset: h5py.Dataset, name: str, allowed: Sequence[str]) -> np.dtype:
    if dataset.dtype.name not in allowed:
        _refuse(f"{name} must be {' or '.join(allowed)}", f"it is {dataset.dtype.name}")
    return dataset.dtype


def _check_storage(dataset: h5py.Dataset, name: str, file_size: int) -> None:
    """Compare the declared size with the size of the file, then count the chunks that really exist."""
    itemsize = dataset.id.get_type().get_size()
    size = math.prod(dataset.shape) * itemsize
    if dataset.chunks is not None:
        chunk = math.prod(dataset.chunks) * itemsize
        if chunk > MAX_CHUNK_BYTES:
            _refuse(f"a chunk must take at most {MAX_CHUNK_BYTES} bytes", f"those of {name} take {chunk}")
        count = math.prod(-(-length // step) for length, step in zip(dataset.shape, dataset.chunks, strict=True))
        needed = max(count * CHUNK_INDEX_BYTES, size // DEFLATE_LIMIT)
    else:
        count, needed = 0, size
    if needed > file_size:
        _refuse(
            f"{name} must fit into the file",
            f"shape {dataset.shape} needs {needed} bytes of {file_size}",
        )
    if dataset.chunks is not None and (stored := dataset.id.get_num_chunks()) != count:
        _refuse(f"every chunk of {name} must be stored", f"{stored} of {count} are")
    contiguous = dataset.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
    if contiguous and size and (dataset.id.get_offset() is None or dataset.id.get_offset() + size > file_size):
        _refuse(f"{name} must be stored in the file", "the file ends before it")


def _small_dataset(file: h5py.File, name: str, file_size: int, axes: int) -> h5py.Dataset:
    """A dataset beside the embeddings, which is read whole."""
    dataset = find_dataset(file, name)
    if name == "sequence_ids/data" and h5py.check_string_dtype(dataset.dtype) is None:
        _refuse(f"{name} must be text", f"it is {dataset.dtype}")
    size, limit = math.prod(_shape(dataset, name, axes)) * dataset.dtype.itemsize, max(file_size, MIN_ARRAY_BYTES)
    if size > limit:
        _refuse(f"{name} must take at most {limit} bytes", f"its shape {dataset.shape} takes {size}")
    _check_storage(dataset, name, file_size)
    return dataset


def _read_indices(file: h5py.File, name: str, file_size: int) -> np.ndarray:
    dataset = _small_dataset(file, name, file_size, 1)
    if dataset.dtype.kind not in "iu":
        _refuse(f"{name} must be whole numbers", f"it is {dataset.dtype}")
    check_chunks(dataset)
    return dataset[:]


def _check_row_indices(
    file: h5py.File, name: str, file_size: int, rows: int, stop: int | None = None, reason: str = ""
) -> None:
    """Check a dataset with one whole number per row."""
    values = _read_indices(file, name, file_size)
    if len(values) != rows:
        _refuse(f"{name} must have one entry per row of the embeddings", f"it has {len(values)} for {rows} rows")
    _check_range(values, name, stop, reason)


def _check_range(values: np.ndarray, name: str, stop: int | None, reason: str) -> None:
    wrong = np.flatnonzero((values < 0) | (values >= stop) if stop is not None else values < 0)
    if len(wrong):
        rule = f"{name} must be 0 or more" if stop is None else f"{name} must be below {stop}, {reason}"
        _refuse(rule, f"entry {wrong[0]} is {values[wrong[0]]}")


def _check_rows(dataset: h5py.Dataset, name: str, shape: tuple[int, ...]) -> None:
    if dataset.shape != shape:
        _refuse(f"{name} must have the shape {shape}, as the embeddings and hand frames say", f"it is {dataset.shape}")


def _check_text_lengths(file: h5py.File, dataset: h5py.Dataset) -> None:
    """Many rows can point to the same long text, so the lengths are read from the file, not the texts.

    A text on disk is a length of 4 bytes, the address of a heap, and an index of 4 bytes in that heap.
    """
    record = 4 + file.id.get_create_plist().get_sizes()[0] + 4
    with Path(file.filename).open("rb") as raw:
        raw.seek(dataset.id.get_offset())
        records = np.frombuffer(raw.read(dataset.size * record), np.uint8).reshape(-1, record)
    _check_text_length(int(np.ascontiguousarray(records[:, :4]).view("<u4").max()))


def _check_text_length(length: int) -> None:
    if length > MAX_NAME_BYTES:
        _refuse(f"an id in sequence_ids/data must take at most {MAX_NAME_BYTES} bytes", f"one takes {length}")


def _read_strings(file: h5py.File, name: str, axes: int, limit: int) -> Any:
    """An attribute of at most `MAX_NAMES` texts of at most `limit` bytes."""
    if name not in file.attrs:
        _refuse(f"an embeddings file must have the attribute {name}", "it is missing")
    attribute = file.attrs.get_id(name)
    if attribute.shape is None or len(attribute.shape) != axes or math.prod(attribute.shape) > MAX_NAMES:
        wanted = f"a list of at most {MAX_NAMES} texts" if axes else "one text"
        _refuse(f"the attribute {name} must be {wanted}", f"its shape is {attribute.shape}")
    kind = h5py.check_string_dtype(attribute.dtype)
    if kind is None:
        _refuse(f"the attribute {name} must be text", f"it is {attribute.dtype}")
    lengths = text_lengths(file, name) if kind.length is None else [kind.length]
    if lengths is None:
        _refuse(f"the attribute {name} must be in the header of the file", "it is in a heap")
    if max(lengths, default=0) > limit:
        _refuse(f"text of {name} must take at most {limit} bytes", f"one takes {max(lengths)}")
    return file.attrs[name]


def _decode(text: Any, name: str, limit: int = MAX_NAME_BYTES) -> str:
    try:
        # h5py marks bytes of a text that are not UTF-8 by surrogates
        content = text if isinstance(text, bytes) else str(text).encode()
        decoded = content.decode()
    except UnicodeError as error:
        raise RefusedContentError(f"text of {name} must be UTF-8, but it is not ({error})") from error
    if len(content) > limit:
        _refuse(f"text of {name} must take at most {limit} bytes", f"one takes {len(content)}")
    return decoded
