"""The key of a row: equal keys mean equal numbers, whatever became of the split, the labels and the other clips.

The key of a clean row is a digest of the content of its frames and of the embedding contract; that of an augmented row
also of the view recipe and the number of the view. The hands of a clip have a key of their own.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hand_gestures.utils.contract import drawing_part

KEY_BYTES = 16  # of blake2b: by accident, no two of 10^15 keys are equal


def digest(content: bytes) -> bytes:
    """The digest that all keys use.

    Args:
        content: any bytes.

    Returns:
        `KEY_BYTES` bytes.
    """
    return hashlib.blake2b(content, digest_size=KEY_BYTES).digest()


class RowKeys:
    """Makes the keys of the rows of one file.

    Args:
        contract, recipe, hand_search: the descriptions of `utils.contract`. A file without augmented rows has an
            empty recipe.

    Example:
        >>> keys = RowKeys(header.contract, header.recipe, header.hand_search)
        >>> keys.row(content, view=1)  # 16 bytes
    """

    def __init__(self, contract: Mapping[str, Any], recipe: Mapping[str, Any], hand_search: Mapping[str, Any]) -> None:
        self._contract = _json_digest(contract)
        self._recipe = _json_digest(drawing_part(recipe))
        self._hand_search = _json_digest(hand_search)

    def row(self, content: bytes, view: int) -> bytes:
        """The key of a row.

        Args:
            content: digest of the frames of its clip.
            view: its view, 0 for the clean one.
        """
        drawn = self._recipe + view.to_bytes(8, "big") if view else b""
        return digest(b"row" + content + self._contract + drawn)

    def hands(self, content: bytes) -> bytes:
        """The key of the hands of a clip.

        Args:
            content: digest of the frames of the clip.
        """
        return digest(b"hands" + content + self._hand_search)


def digest_rows(
    keys: RowKeys, contents: np.ndarray, views: int, labels: np.ndarray, sequence_ids: Sequence[str]
) -> str:
    """A name for all rows of a planned file: their numbers, labels and order.

    Args:
        keys: makes their keys.
        contents: uint8 (S, 16), digest of the frames of each clip.
        views: number of views of each clip.
        labels: int (S, 2), class index of each clip and of its mirror image; without augmented views, only the first
            column counts.
        sequence_ids: S ids.

    Returns:
        64 hex digits.
    """
    whole = hashlib.sha256()
    for content, pair, sequence_id in zip(contents, labels.tolist(), sequence_ids, strict=True):
        for view in range(views):
            whole.update(keys.row(content.tobytes(), view))
        whole.update(json.dumps([sequence_id, pair if views > 1 else pair[:1]]).encode())
    return whole.hexdigest()


def _json_digest(description: Mapping[str, Any]) -> bytes:
    return digest(json.dumps(description, sort_keys=True).encode())
