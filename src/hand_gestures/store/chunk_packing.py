"""Pack one clip into one chunk of a gzip HDF5 dataset, and unpack it: faster than HDF5's own filters, same format.

HDF5 shuffles the bytes of a chunk (all first bytes of the numbers, then all second bytes, ...) and deflates them. Both
steps are done here, outside of HDF5's global lock, and the result is written and read as a raw chunk. Why not with
h5py or numcodecs: docs/adr/0008.
"""

import cv2
import h5py
import numpy as np
from zlib_ng import zlib_ng

from hand_gestures.store.file_check import GZIP, SHUFFLE, inflate, list_filters

LEVEL = 2  # of zlib-ng: level 1 takes half the time, but its output is a sixth larger
SAMPLE = 1 << 15  # bytes of a plane that are deflated to decide whether deflating all of it pays
STORE_ABOVE = 0.9  # a plane that deflates to a larger share is stored: it is then read five times faster
RAW_DEFLATE = -15  # zlib's code for a largest window and no header
BLOCK = 65535  # largest stored block of deflate, bytes
HEADER, LAST_BLOCK = b"\x78\x01", b"\x01\x00\x00\xff\xff"  # RFC 1950: zlib header; RFC 1951: empty final block


def pack_chunk(clip: np.ndarray) -> bytes:
    """Shuffle and deflate a clip.

    The lower bytes of floats are close to random: such byte planes are stored, not deflated. The global interpreter
    lock is released, so that threads can pack in parallel.

    Args:
        clip: contiguous array of any shape and float dtype.

    Returns:
        A zlib stream, valid as a raw chunk of a dataset with `shuffle` and `gzip`. Equal clips give equal bytes.
    """
    planes = np.stack(cv2.split(_as_bytes(clip))).reshape(clip.itemsize, -1)
    checksum = zlib_ng.adler32(planes).to_bytes(4, "big")
    return b"".join([HEADER, *map(_pack_plane, planes), LAST_BLOCK, checksum])


def unpack_chunk(chunk: bytes, out: np.ndarray) -> None:
    """Inflate and unshuffle a raw chunk, whichever program wrote it.

    Args:
        chunk: a zlib stream of byte planes.
        out: contiguous array that is filled.

    Raises:
        ValueError: the bytes are not such a stream, or it has another size.
    """
    raw = inflate(chunk, out.nbytes)
    if len(raw) != out.nbytes:
        raise ValueError(f"damaged chunk: {len(raw)} bytes instead of {out.nbytes}")
    cv2.merge(list(np.frombuffer(raw, np.uint8).reshape(out.itemsize, 1, -1)), _as_bytes(out))


def is_packed_by_clip(data: h5py.Dataset) -> bool:
    """Whether each clip of a dataset is one chunk that `unpack_chunk` can read.

    Args:
        data: embeddings (N, T, C, D) with any chunks and filters.

    Returns:
        False for layouts of other programs, which h5py must read.
    """
    filters = list_filters(data)
    return (
        data.chunks == (1, *data.shape[1:])
        and [code for code, _ in filters] == [SHUFFLE, GZIP]
        and filters[0][1] == (data.dtype.itemsize,)  # bytes of a number, by which HDF5 shuffles
        and data.dtype.isnative
    )


def _as_bytes(clip: np.ndarray) -> np.ndarray:
    """View a contiguous array as an image of one row: a pixel is a number, its colours are the number's bytes."""
    return clip.reshape(-1).view(np.uint8).reshape(1, -1, clip.itemsize)


def _pack_plane(plane: np.ndarray) -> bytes:
    sample = plane[:SAMPLE]
    if len(_deflate(sample)) > STORE_ABOVE * len(sample):
        return b"".join(_stored_block(plane[start : start + BLOCK].tobytes()) for start in range(0, len(plane), BLOCK))
    return _deflate(plane)


def _deflate(plane: np.ndarray) -> bytes:
    compressor = zlib_ng.compressobj(LEVEL, zlib_ng.DEFLATED, RAW_DEFLATE)
    # a full flush ends at a byte boundary, so that blocks of the next plane can follow
    return compressor.compress(plane) + compressor.flush(zlib_ng.Z_FULL_FLUSH)


def _stored_block(content: bytes) -> bytes:
    """RFC 1951, 3.2.4: block type 0, the length, its complement, the bytes."""
    size = len(content)
    return b"\x00" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + content
