"""The search by an index finds what a comparison of all pairs finds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_gestures.dataset import near_hashes
from hand_gestures.dataset.leak_audit import PAIRS, ClipHashes, audit_splits
from hand_gestures.dataset.near_hashes import find_nearest
from small_sequences import FIXED

SPLITS = ("train", "val", "test", "left_out")


def flipped(rng, hashes, most):
    """The same hashes, each with up to `most` bits changed."""
    changed = hashes.copy()
    for index in range(len(changed)):
        for bit in rng.integers(0, 64, rng.integers(0, most + 1)):
            changed[index] ^= np.uint64(1) << np.uint64(bit)
    return changed


def drawn(seed, count, kinds):
    """`count` hashes; with fewer kinds, more of them are near each other or equal."""
    rng = np.random.default_rng(seed)
    originals = rng.integers(0, 2**64, kinds, dtype=np.uint64)
    return flipped(rng, rng.choice(originals, count), 12)


def all_pairs(wanted, hashes, first_rows, distance):
    """(distance, first row) for each owner and wanted hash by comparing all; None where no hash is near."""
    differing = np.bitwise_count(wanted[:, None] ^ hashes)
    return [
        [
            min(
                ((int(d), int(row)) for d, row in zip(line, rows, strict=True) if row >= 0 and d <= distance),
                default=None,
            )
            for line in differing
        ]
        for rows in first_rows
    ]


def as_pairs(nearest):
    return [
        [(d, row) if row >= 0 else None for d, row in zip(distances, rows, strict=True)]
        for distances, rows in zip(nearest.distance.tolist(), nearest.row.tolist(), strict=True)
    ]


@FIXED
@given(
    st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 80), st.integers(1, 8), st.integers(0, 32),
    st.integers(0, 8),
)  # fmt: skip
def test_every_nearest_hash_is_found_whatever_the_bands(seed, queries, count, kinds, distance, parts):
    hashes = np.unique(drawn(seed, count, kinds))
    wanted = np.unique(np.concatenate([drawn(seed, queries, kinds), hashes[:3]]))
    first_rows = np.random.default_rng(seed).integers(-1, 20, (3, len(hashes)))
    bands = near_hashes._split_bits(parts, distance) if parts > 2 else []
    with pytest.MonkeyPatch.context() as patch:
        if bands:
            patch.setattr(near_hashes, "_choose_bands", lambda *_: bands)
            patch.setattr(near_hashes, "COMPARED_AT_ONCE", 50)  # many blocks and portions
        nearest = find_nearest(wanted, hashes, first_rows, distance)
    assert as_pairs(nearest) == all_pairs(wanted, hashes, first_rows, distance)
    assert nearest.certain.all()


@settings(FIXED, max_examples=30)
@given(st.integers(0, 2**32), st.integers(20, 60), st.integers(1, 3), st.integers(3, 12))
def test_with_too_many_similar_hashes_every_result_is_near_and_those_called_certain_are_the_nearest(
    seed, count, kinds, distance
):
    hashes, wanted = np.unique(drawn(seed, count, kinds)), np.unique(drawn(seed + 1, 20, kinds))
    wanted = np.unique(np.concatenate([wanted, flipped(np.random.default_rng(seed), hashes, 4)]))
    first_rows = np.arange(len(hashes))[None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_hashes, "MAX_COMPARISONS", 0)
        patch.setattr(near_hashes, "MIN_COMPARISONS", 3)
        nearest = find_nearest(wanted, hashes, first_rows, distance)
    expected = all_pairs(wanted, hashes, first_rows, distance)[0]
    for found, certain, best in zip(as_pairs(nearest)[0], nearest.certain[0], expected, strict=True):
        if certain:
            assert found == best
        else:
            assert found is None or best[0] <= found[0] <= distance


@pytest.fixture
def compared(monkeypatch):
    """How many pairs each step of a search compared."""
    counts, compare = [], near_hashes._Search._compare_runs

    def counted(self, table, queries, first, runs):
        counts.append(runs.sum())
        compare(self, table, queries, first, runs)

    monkeypatch.setattr(near_hashes._Search, "_compare_runs", counted)
    return counts


def test_half_a_million_hashes_are_searched_without_comparing_every_pair(compared):
    rng = np.random.default_rng(0)
    hashes = np.unique(rng.integers(0, 2**64, 500_000, dtype=np.uint64))
    wanted = np.unique(flipped(rng, rng.choice(hashes, 300), 8))
    nearest = find_nearest(wanted, hashes, np.arange(len(hashes))[None], 8)
    assert (nearest.row >= 0).all()
    assert nearest.certain.all()
    assert sum(compared) < 1000 * len(wanted)


def similar_to_all(count):
    """Different hashes of one picture: each differs from a centre in up to five bits."""
    return np.unique(flipped(np.random.default_rng(1), np.zeros(count, np.uint64), 5))


def test_many_hashes_that_all_resemble_each_other_are_compared_up_to_a_limit(compared, monkeypatch):
    monkeypatch.setattr(near_hashes, "MAX_COMPARISONS", 1_000_000)
    monkeypatch.setattr(near_hashes, "MIN_COMPARISONS", 20)
    hashes = similar_to_all(8000)
    nearest = find_nearest(hashes, hashes, np.where(np.arange(len(hashes)) % 9, -1, np.arange(len(hashes)))[None], 8)
    assert sum(compared) <= 1_000_000
    assert (nearest.row >= 0).mean() > 0.99
    assert not nearest.certain.all()


def brute_force(sequences, splits, hashes, distance):
    """The leaks as the audit described them before it had an index: every pair of clips is compared."""
    ids, leaks = sequences["sequence_id"], []
    for held_out, other in PAIRS:
        for row in np.flatnonzero(splits == held_out):
            near = []
            for twin in np.flatnonzero(splits == other):
                bits = np.bitwise_count(hashes.bits[row][:, None] ^ hashes.bits[twin])
                bits = np.where(hashes.usable[row][:, None] & hashes.usable[twin], bits, 65).min()
                if (hashes.bits[row] == hashes.bits[twin]).all() and sequences["content"][row] == sequences["content"][
                    twin
                ]:
                    near.append((-1, twin))
                elif bits <= distance:
                    near.append((int(bits), twin))
            if near:
                bits, twin = min(near)
                leaks.append(("copy" if bits < 0 else "look-alike", ids[row], ids[twin], max(bits, 0)))
    return sorted(leaks)


@settings(FIXED, max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 25), st.integers(1, 6), st.integers(0, 12), st.integers(1, 3))
def test_an_audit_finds_the_leaks_that_a_comparison_of_all_clips_finds(
    tmp_path_factory, seed, count, kinds, distance, frames
):
    rng = np.random.default_rng(seed)
    bits = drawn(seed, count * frames, kinds).reshape(count, frames)
    bits[rng.random(count) < 0.3] = bits[0]
    content = rng.integers(0, 3, count)
    folder = tmp_path_factory.mktemp("frames")
    for number in range(3):
        (folder / str(number)).write_bytes(bytes([number]))
    sequences = pd.DataFrame(
        {
            "sequence_id": [f"v{number:02d}" for number in range(count)],
            "group": [f"g{number}" for number in range(count)],
            "frames": [[str(number)] for number in content],
            "content": content,
        }
    )
    hashes = ClipHashes(bits, rng.random(bits.shape) < 0.8)
    assignments = [pd.Series(rng.choice(SPLITS, count, p=[0.5, 0.2, 0.2, 0.1])) for _ in range(2)]
    for splits, audit in zip(assignments, audit_splits(sequences, assignments, hashes, distance, folder), strict=True):
        found = audit.leaks[["kind", "sequence_id", "other_sequence_id", "distance"]].itertuples(index=False, name=None)
        assert sorted(found) == brute_force(sequences, splits, hashes, distance)
        assert audit.partly_compared == 0


def test_one_hash_for_all_clips_needs_no_pairs(tmp_path):
    """A static picture before each video, say: 20,000 clips would be 64 million pairs."""
    (tmp_path / "frame").write_bytes(b"1")
    (tmp_path / "other").write_bytes(b"2")
    count = 20_000
    sequences = pd.DataFrame(
        {
            "sequence_id": [f"v{number}" for number in range(count)],
            "group": [f"g{number}" for number in range(count)],
            "frames": [["other" if number % 5 == 0 else "frame"] for number in range(count)],
        }
    )
    splits = pd.Series(["val" if number % 5 == 0 else "train" for number in range(count)])
    hashes = ClipHashes(np.full((count, 3), 5, np.uint64), np.ones((count, 3), bool))
    (audit,) = audit_splits(sequences, [splits], hashes, 8, tmp_path)
    assert audit.counts == (4000, 0, 4000, 0)
    assert set(audit.leaks["other_sequence_id"]) == {"v1"}
    assert set(audit.leaks["distance"]) == {0}
