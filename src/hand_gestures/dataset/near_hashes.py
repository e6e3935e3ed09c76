"""The nearest of millions of 64-bit hashes, without comparing every pair: multi-index hashing.

Two hashes that differ in few bits are nearly equal in at least one of a few bands of bits (pigeonhole principle). So
only hashes are compared whose band is one of the few values near the band of the wanted hash (Norouzi, Punjani, Fleet
2012, "Fast Search in Hamming Space with Multi-Index Hashing"). docs/adr/0023 compares other ways.
"""

from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

from hand_gestures.utils.progress import progress

BITS = 64
MAX_BAND_BITS = 22  # a table of 2^22 starts takes 16 MB
MAX_BANDS = 8
MAX_BAND_DISTANCE = 4  # more differing bits allow hundreds of thousands of values: comparing all hashes is faster
MAX_COMPARISONS = 3_000_000_000  # of all wanted hashes together: about two minutes
MIN_COMPARISONS = 4096  # for each wanted hash and band, however many hashes are wanted
COMPARED_AT_ONCE = 2_000_000  # limits the memory
LOOKED_UP_DISTANCE = 2  # hashes that resemble too many others look up all neighbours up to this distance
NONE = np.iinfo(np.int64).max  # sorts after every result
ROW_BITS = 40  # a result is `distance << ROW_BITS | row`: the smallest one is the nearest, then the first


class Nearest(NamedTuple):
    """Nearest hash of each owner for Q wanted hashes and S owners.

    Attributes:
        distance: int64 (S, Q), bits that differ; more than `BITS` where no hash is near.
        row: int64 (S, Q), the first row of the owner with that hash; -1 where no hash is near.
        certain: bool (S, Q), False where there were too many similar hashes to compare all of them: a nearer hash
            than that of the result may exist.

    Example:
        >>> wanted, hashes = np.array([6], np.uint64), np.array([7, 15], np.uint64)
        >>> find_nearest(wanted, hashes, np.array([[0, 1], [-1, 1]]), distance=8).distance.tolist()
        [[1], [2]]
    """

    distance: np.ndarray
    row: np.ndarray
    certain: np.ndarray


class _Band(NamedTuple):
    """The bits from `shift` to `shift + width - 1`; `masks` (P,) are the differences that are searched."""

    shift: int
    width: int
    masks: np.ndarray

    def values(self, hashes: np.ndarray) -> np.ndarray:
        return (hashes >> np.uint64(self.shift)) & np.uint64((1 << self.width) - 1)


class _Table(NamedTuple):
    """Hashes sorted by the value of their band: those of value v are `order[starts[v]:starts[v + 1]]`."""

    order: np.ndarray
    hashes: np.ndarray
    starts: np.ndarray


def find_nearest(wanted: np.ndarray, hashes: np.ndarray, first_rows: np.ndarray, distance: int) -> Nearest:
    """Find for each wanted hash the nearest hash of each owner, such as the training split.

    The time grows with the number of wanted hashes, not with its product with the number of all hashes. Where a hash
    resembles very many others, only some thousands of these are compared, and all that are at most
    `LOOKED_UP_DISTANCE` bits away.

    Args:
        wanted: uint64 (Q,).
        hashes: uint64 (V,), ascending without duplicates.
        first_rows: int64 (S, V), the first row of each of S owners with each hash; -1 where it has none.
        distance: hashes that differ in more bits are not near.

    Returns:
        The nearest hashes; of equally near ones that with the first row.
    """
    search = _Search(wanted, hashes, np.where(first_rows < 0, NONE, first_rows), distance)
    limited = np.zeros(len(wanted), bool)
    if len(wanted) and len(hashes):
        everyone = np.arange(len(wanted))
        search.look_up(everyone, range(2))
        rest = everyone[search.farthest(everyone) > 1]  # the others have their nearest hash
        limited[rest] = search.compare(rest)
        search.look_up(np.flatnonzero(limited), range(2, LOOKED_UP_DISTANCE + 1))
    found = search.best != NONE
    distances = np.where(found, search.best >> ROW_BITS, BITS + 1)
    rows = np.where(found, search.best & ((1 << ROW_BITS) - 1), -1)
    return Nearest(distances, rows, ~limited | (distances <= LOOKED_UP_DISTANCE))


class _Search:
    """The smallest result so far, `best` int64 (S, Q), and what is needed to improve it."""

    def __init__(self, wanted: np.ndarray, hashes: np.ndarray, rows: np.ndarray, distance: int) -> None:
        self.wanted, self.hashes, self.rows, self.distance = wanted, hashes, rows, distance
        self.best = np.full((len(rows), len(wanted)), NONE)

    def look_up(self, queries: np.ndarray, distances: range) -> None:
        """Improve the results of the queries by all hashes at these distances."""
        if not len(queries):
            return
        masks = [(mask, bits) for bits in distances if bits <= self.distance for mask in _masks(BITS, bits, bits)]
        for mask, bits in progress(masks, len(masks), "searching nearest look-alikes", quiet_seconds=5):
            neighbours = self.wanted[queries] ^ mask
            positions = np.minimum(np.searchsorted(self.hashes, neighbours), len(self.hashes) - 1)
            found = np.flatnonzero(self.hashes[positions] == neighbours)
            self._improve(queries[found], positions[found], np.full(len(found), bits))

    def compare(self, queries: np.ndarray) -> np.ndarray:
        """Compare the queries with hashes that are near in a band; bool, which have more of these than the limit."""
        cut = np.zeros(len(queries), bool)
        bands = _choose_bands(len(self.hashes), self.distance)
        limit = max(MIN_COMPARISONS, MAX_COMPARISONS // max(1, len(queries) * len(bands)))
        passes = [(band, part) for band in bands for part in _blocks(len(queries), len(band.masks))]
        table = None
        for band, part in progress(passes, len(passes), "searching look-alikes", quiet_seconds=5):
            if table is None or not part.start:
                table = _make_table(band, self.hashes)
            cut[part] |= self._compare_block(band, table, queries[part], limit)
        return cut

    def _compare_block(self, band: _Band, table: _Table, queries: np.ndarray, limit: int) -> np.ndarray:
        near = (band.values(self.wanted[queries])[:, None] ^ band.masks).astype(np.int64)
        first = table.starts[near]
        counts = (table.starts[near + 1] - first).astype(np.int64)
        before = counts.cumsum(axis=1)
        cut = before[:, -1] > limit
        if cut.any():
            counts = np.clip(limit - before + counts, 0, counts)
        for rows in _portions(counts.sum(axis=1)):
            self._compare_runs(table, queries[rows], first[rows], counts[rows])
        return cut

    def _compare_runs(self, table: _Table, queries: np.ndarray, first: np.ndarray, counts: np.ndarray) -> None:
        """Compare query i with `counts[i, p]` hashes of the table from `first[i, p]`, for each p."""
        used = counts.nonzero()
        times = counts[used]
        ends = times.cumsum()
        # the positions of all runs, one after the other: an arange that jumps where a run begins
        positions = np.arange(times.sum()) + np.repeat(first[used] - ends + times, times)
        owners = np.repeat(used[0], times)
        differing = np.bitwise_count(self.wanted[queries][owners] ^ table.hashes[positions])
        # the same distance may still have an earlier row
        near = np.flatnonzero(differing <= self.farthest(queries)[owners])
        self._improve(queries[owners[near]], table.order[positions[near]], differing[near])

    def farthest(self, queries: np.ndarray) -> np.ndarray:
        """The largest distance at which a hash can improve one of the results of a query."""
        return np.minimum(self.best[:, queries].max(axis=0) >> ROW_BITS, self.distance)

    def _improve(self, queries: np.ndarray, hashes: np.ndarray, distances: np.ndarray) -> None:
        """Take the results that are smaller than the best: these hashes (positions) for these queries."""
        for best, rows in zip(self.best, self.rows, strict=True):
            owned = np.flatnonzero(rows[hashes] != NONE)
            results = distances[owned].astype(np.int64) << ROW_BITS | rows[hashes[owned]]
            np.minimum.at(best, queries[owned], results)


def _choose_bands(count: int, distance: int) -> list[_Band]:
    """Bands that find each of `count` hashes up to the distance with the fewest look-ups and comparisons."""
    everything = [_Band(0, 0, np.zeros(1, np.uint64))]  # a band without bits compares all hashes
    choices = [_split_bits(parts, distance) for parts in range(-(-BITS // MAX_BAND_BITS), MAX_BANDS + 1)]
    return min(
        (bands for bands in [everything, *choices] if bands),
        key=lambda bands: sum(len(band.masks) * (1 + count / 2**band.width) for band in bands),
    )


def _split_bits(parts: int, distance: int) -> list[_Band]:
    """Bands for so many equal parts of the bits; none where hashes may differ in too many bits of a part."""
    # `radius * parts + more` is the distance: more than `radius` bits in each of the first `more + 1` parts and
    # `radius` in each of the others would be more than that
    radius, more = divmod(distance, parts)
    if radius > MAX_BAND_DISTANCE:
        return []
    edges = [round(BITS * part / parts) for part in range(parts + 1)]
    allowed = [radius] * (more + 1) + [radius - 1] * (parts - more - 1)
    return [
        _Band(low, high - low, _masks(high - low, 0, most))
        for low, high, most in zip(edges, edges[1:], allowed, strict=False)
        if most >= 0
    ]


@cache
def _masks(width: int, fewest: int, most: int) -> np.ndarray:
    """All numbers of `width` bits with `fewest` to `most` bits set, those with fewer bits first."""
    bits = [1 << position for position in range(width)]
    sizes = range(fewest, most + 1)
    return np.array([sum(chosen) for size in sizes for chosen in combinations(bits, size)], np.uint64)


def _make_table(band: _Band, hashes: np.ndarray) -> _Table:
    values = band.values(hashes)
    order = np.argsort(values, kind="stable").astype(np.int32)
    starts = np.zeros(2**band.width + 1, np.int32)
    np.cumsum(np.bincount(values.astype(np.int64), minlength=2**band.width), out=starts[1:])
    return _Table(order, hashes[order], starts)


def _blocks(count: int, cells: int) -> list[slice]:
    """Parts of `count` queries with `cells` look-ups each that fit into the memory limit."""
    size = max(1, COMPARED_AT_ONCE // cells)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def _portions(counts: np.ndarray) -> Iterator[slice]:
    """Parts of the rows, with at most `COMPARED_AT_ONCE` comparisons together unless one row has more."""
    changes = np.diff(counts.cumsum() // COMPARED_AT_ONCE)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(counts)]
    for start, end in pairwise(edges):
        yield slice(start, end)
