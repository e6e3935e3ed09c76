"""How long the texts of an attribute are, read from the header of the file and not from HDF5.

HDF5 reads an attribute only whole. An attribute of 10,000 texts can point 10,000 times to the same text of a gigabyte,
so the lengths must be known before. They are in the object header of the root group, in the messages that hold
attributes (HDF5 File Format Specification 3.0, "Data Object Headers" and "The Attribute Message").
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

ATTRIBUTE, CONTINUATION = 0x0C, 0x10  # kinds of messages
MAX_BLOCKS = 1000  # of a header; a loop of continuations would not end
MAX_BLOCK_BYTES = 1 << 20  # of a header; a message has at most 65,536
LENGTH_BYTES, INDEX_BYTES = 4, 4  # of a text: its length, the address of a heap, its index there
ORDERED, TIMED, PHASED = 0x04, 0x20, 0x10  # flags of a header of version 2


def text_lengths(file: h5py.File, name: str) -> np.ndarray | None:
    """Read the lengths of the texts of an attribute of the root group.

    Args:
        file: an open file.
        name: an attribute whose type is text of variable length.

    Returns:
        Bytes of each text, uint32 (N,); None if the attribute is not in the object header.
    """
    address_bytes, _ = sizes = file.id.get_create_plist().get_sizes()
    record = LENGTH_BYTES + address_bytes + INDEX_BYTES
    base = file.userblock_size
    with Path(file.filename).open("rb") as raw:
        for message in _messages(raw, base, base + h5py.h5o.get_info(file.id).addr, sizes):
            found, data = _attribute(message)
            if found == name:
                count = file.attrs.get_id(name).get_space().get_simple_extent_npoints()
                records = np.frombuffer(data[: count * record], np.uint8).reshape(count, record)
                return np.ascontiguousarray(records[:, :LENGTH_BYTES]).view("<u4").ravel()
    return None


def _messages(raw: BinaryIO, base: int, address: int, sizes: tuple[int, int]) -> Iterator[bytes]:
    """The attribute messages of an object header, in both versions of the format."""
    head = _read(raw, address, 24)
    second = head.startswith(b"OHDR")
    flags = head[5] if second else 0
    if second:
        start = 6 + 16 * bool(flags & TIMED) + 4 * bool(flags & PHASED)
        width = 1 << (flags & 3)
        blocks = [(address + start + width, _number(_read(raw, address + start, width)))]
    else:
        blocks = [(address + 16, _number(head[8:12]))]
    for block in blocks:  # grows in the loop
        for kind, message in _split(_read(raw, *block), second, bool(flags & ORDERED)):
            if kind == ATTRIBUTE:
                yield message
            elif kind == CONTINUATION:
                offset, length = _number(message[: sizes[0]]), _number(message[sizes[0] : sum(sizes)])
                # a block of version 2 starts with its signature and ends with a checksum
                blocks.append((base + offset + 4, length - 8) if second else (base + offset, length))
                if len(blocks) > MAX_BLOCKS:
                    raise ValueError(f"an object header of more than {MAX_BLOCKS} blocks")


def _split(block: bytes, second: bool, ordered: bool) -> Iterator[tuple[int, bytes]]:
    """(kind, content) of each message of a block."""
    head = 4 + 2 * ordered if second else 8
    position = 0
    while position + head <= len(block):
        if second:
            kind, size = block[position], _number(block[position + 1 : position + 3])
        else:
            kind, size = _number(block[position : position + 2]), _number(block[position + 2 : position + 4])
        position += head
        yield kind, block[position : position + size]
        position += size


def _attribute(message: bytes) -> tuple[str, bytes]:
    """Name and data of an attribute message."""
    version = message[0]
    name, kind, space = (_number(message[start : start + 2]) for start in (2, 4, 6))
    start = 9 if version == 3 else 8
    if version == 1:
        name_end, kind, space = start + _padded(name), _padded(kind), _padded(space)
    else:
        name_end = start + name
    return message[start : start + name].split(b"\0")[0].decode(errors="replace"), message[name_end + kind + space :]


def _padded(size: int) -> int:
    return -(-size // 8) * 8


def _number(content: bytes) -> int:
    return int.from_bytes(content, "little")


def _read(raw: BinaryIO, position: int, size: int) -> bytes:
    if not 0 <= size <= MAX_BLOCK_BYTES:
        raise ValueError(f"a block of {size} bytes in an object header")
    raw.seek(position)
    content = raw.read(size)
    if len(content) < size:
        raise ValueError("an object header that the file does not hold")
    return content
