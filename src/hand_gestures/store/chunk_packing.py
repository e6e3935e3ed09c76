"""One clip ↔ one chunk of a gzip HDF5 dataset, faster than through HDF5's own filters and bit for bit as valid.

HDF5 stores a chunk as it leaves its filters: shuffle (all first bytes of the numbers, then all second bytes, …),
then deflate. Both are done here, in threads of their own, and the result is written and read as raw chunk.
"""

import cv2
import h5py
import numpy as np
from zlib_ng import zlib_ng

LEVEL = 2  # of zlib-ng: level 1 takes half the time, but what it deflates is a sixth larger
SAMPLE = 1 << 15  # bytes of a plane that say whether deflating it is worth while
WORTH = 0.9  # a plane that deflates to more is stored as it is: it is read five times faster
BLOCK = 65535  # bytes of a stored deflate block at most
HEADER, LAST_BLOCK = b"\x78\x01", b"\x01\x00\x00\xff\xff"  # RFC 1950: zlib, no dictionary; RFC 1951: empty, final


def pack_chunk(clip: np.ndarray) -> bytes:
    """A clip as shuffle and deflate leave it: a zlib stream of the byte planes of its numbers.

    The lower bytes of floats are close to random: such planes are stored, not deflated. Other threads may run.
    """
    planes = np.stack(cv2.split(clip.reshape(-1).view(np.uint8).reshape(1, -1, clip.itemsize)))
    check = zlib_ng.adler32(planes).to_bytes(4, "big")
    return b"".join([HEADER, *map(_deflate_plane, planes.reshape(clip.itemsize, -1)), LAST_BLOCK, check])


def unpack_chunk(chunk: bytes, out: np.ndarray) -> None:
    """Inflate a raw chunk of shuffle and deflate into the contiguous array `out`.

    Raises:
        ValueError: the bytes are not such a chunk, or not of that size.
    """
    try:
        raw = zlib_ng.decompress(chunk, bufsize=out.nbytes)
    except zlib_ng.error as error:  # type: ignore[misc]  # a stub of it says less than it is
        raise ValueError(f"damaged chunk: {error}") from error
    if len(raw) != out.nbytes:
        raise ValueError(f"damaged chunk: {len(raw)} bytes instead of {out.nbytes}")
    planes = np.frombuffer(raw, np.uint8).reshape(out.itemsize, 1, -1)
    cv2.merge(list(planes), out.reshape(-1).view(np.uint8).reshape(1, -1, out.itemsize))


def packed_by_clip(data: h5py.Dataset) -> bool:
    """Whether each clip of a dataset is a chunk that `unpack_chunk` understands: other files go through h5py."""
    return (
        data.chunks == (1, *data.shape[1:])
        and data.compression == "gzip"
        and data.shuffle
        and not data.fletcher32
        and data.dtype.isnative
    )


def _deflate_plane(plane: np.ndarray) -> bytes:
    if len(_deflate(plane[:SAMPLE])) > WORTH * len(plane[:SAMPLE]):
        return b"".join(_stored(plane[start : start + BLOCK].tobytes()) for start in range(0, len(plane), BLOCK))
    return _deflate(plane)


def _deflate(plane: np.ndarray) -> bytes:
    """Deflate blocks that end at a byte, so that others may follow."""
    compressor = zlib_ng.compressobj(LEVEL, zlib_ng.DEFLATED, -15)
    return compressor.compress(plane) + compressor.flush(zlib_ng.Z_FULL_FLUSH)


def _stored(block: bytes) -> bytes:
    size = len(block)
    return b"\x00" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + block
