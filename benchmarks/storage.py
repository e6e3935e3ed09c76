"""Writing embeddings, reading single clips and supplying batches: the program compared with the plain flow."""

import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import reference
from measuring import arguments, interleaved, milliseconds, print_table, ratio
from torch.utils.data import DataLoader

from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.store.chunk_packing import pack_chunk
from hand_gestures.store.embedding_file import (
    ClipRequest,
    EmbeddedSequence,
    EmbeddingFile,
    EmbeddingHeader,
    FileGroup,
    PendingEmbeddings,
)
from hand_gestures.store.hdf5_dataset import HDF5Dataset, identity_collate
from hand_gestures.store.row_keys import KEY_BYTES
from hand_gestures.store.write import write_embeddings

FRAMES, CHANNELS, WIDTH = 32, len(CHANNEL_NAMES), 768
MEGABYTES = FRAMES * CHANNELS * WIDTH * 4 / 1e6  # a clip
CLIPS, BATCH, ROUNDS = 64, 32, 3
EMBEDDED = 4  # clips of 32 frames that the reference embeds and writes at a time
MAPPED = "2900x (uncompressed, mapped)"
READ = 8  # clips read per round; each round reads other clips, so that none comes from a cache


def draw_clips(count: int) -> np.ndarray:
    """Random numbers that resemble embeddings: signed for a ViT, not negative for a ResNeXt, changing slowly over time,
    and zero where the third chunk of a ResNeXt vector is padded.

    Args:
        count: number of clips N.

    Returns:
        float32 (N, T, C, D).
    """
    rng = np.random.default_rng(0)
    still = rng.standard_normal((count, 1, CHANNELS, WIDTH), np.float32)
    clips = still + 0.2 * rng.standard_normal((count, FRAMES, CHANNELS, WIDTH), np.float32)
    for channel, name in enumerate(CHANNEL_NAMES):
        if "resnext" in name:
            np.abs(clips[:, :, channel], out=clips[:, :, channel])
        if name.endswith("_3"):
            clips[:, :, channel, 512:] = 0
    return clips


def pending_clips(clips: np.ndarray) -> PendingEmbeddings:
    """Pending embeddings of one view per clip that need no computing."""
    boxes, scores = np.zeros((4, 4, 4), np.float32), np.zeros((4, 4), np.float32)

    def embed(requests: list[ClipRequest]) -> Iterator[EmbeddedSequence]:
        for request in requests:
            clip = clips[request.sequence : request.sequence + 1]
            yield EmbeddedSequence(clip, np.zeros(1, bool), boxes, scores)

    header = EmbeddingHeader(clips.shape, ("wave",), CHANNEL_NAMES, (0, 8, 16, 24), 4, {"made": "for measuring"})
    ids = [f"wave/{index}" for index in range(len(clips))]
    contents = np.random.default_rng(0).integers(0, 256, (len(clips), KEY_BYTES), np.uint8)
    labels = np.zeros((len(clips), 2), np.int64)
    return PendingEmbeddings(header, ids, contents, labels, 1, embed, (), lambda file: None, FileGroup(1))


def write_chunks(path: Path, clips: np.ndarray) -> None:
    """Pack and write in one thread, without parts, flushing and joining."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "embeddings/data", clips.shape, "float32", chunks=(1, *clips.shape[1:]), shuffle=True, compression="gzip"
        )
        for row, clip in enumerate(clips):
            data.id.write_direct_chunk((row, 0, 0, 0), pack_chunk(clip))


def measure_writing(folder: Path, clips: np.ndarray, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way to write the clips; `reference.h5` and `ours.h5` stay in the folder."""
    labels = np.zeros(len(clips), np.int64)

    def batches(size: int) -> Iterator[np.ndarray]:
        return (clips[start : start + size] for start in range(0, len(clips), size))

    def ours() -> None:
        (folder / "ours.h5").unlink(missing_ok=True)  # a file that is up to date would not be written again
        write_embeddings(folder / "ours.h5", pending_clips(clips))

    return interleaved(
        {
            "reference": lambda: reference.write(folder / "reference.h5", batches(EMBEDDED), labels),
            "large batches": lambda: reference.write(folder / "reference.h5", batches(BATCH), labels),
            "ours": ours,
            "chunks": lambda: write_chunks(folder / "chunks.h5", clips),
        },
        rounds,
    )


def measure_reading(folder: Path, clips: np.ndarray, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way to read `READ` clips; each round reads other rows, the same rows in each way."""
    items = reference.Items(folder / "reference.h5", len(clips))
    loader = HDF5Dataset(EmbeddingFile(folder / "ours.h5"), preload=False)
    order = np.random.default_rng(1).permutation(len(clips)).tolist()
    loader[order.pop()]  # the first read opens the file
    with h5py.File(folder / "ours.h5") as file:
        data = file["embeddings/data"]
        np.testing.assert_array_equal(loader[3].clip, items[3][0])

        def in_rounds(read: Callable[[int], object]) -> Callable[[], None]:
            rows = iter(order)

            def next_rows() -> None:
                for row in islice(rows, READ):
                    read(row)

            return next_rows

        ways = {"reference": items.__getitem__, "plain": lambda row: data[row], "ours": loader.__getitem__}
        return interleaved({name: in_rounds(read) for name, read in ways.items()}, rounds)


def measure_supply(folder: Path, clips: np.ndarray, rounds: int, epochs: int) -> dict[str, list[float]]:
    """Seconds of one epoch of batches for the reference, and of `epochs` epochs for the preloaded file."""
    items = reference.Items(folder / "reference.h5", len(clips))
    preloaded = HDF5Dataset(EmbeddingFile(folder / "ours.h5"), preload=True)

    def supply(loader: DataLoader, times: int) -> None:
        for _ in range(times):
            for _batch in loader:
                pass

    plain = DataLoader(items, BATCH, shuffle=True)
    ours = DataLoader(preloaded, BATCH, shuffle=True, collate_fn=identity_collate)
    return interleaved({"reference": lambda: supply(plain, 1), "ours": lambda: supply(ours, epochs)}, rounds)


def main() -> None:
    """Measure writing, reading and supplying batches, and print one table."""
    quick = arguments(__doc__).quick
    rounds, epochs = (1, 2) if quick else (ROUNDS, 20)
    clips = draw_clips(READ + 1 if quick else CLIPS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = measure_writing(folder, clips, rounds)
        size = (folder / "ours.h5").stat().st_size / len(clips) / MEGABYTES / 1e6
        read = measure_reading(folder, clips, rounds if quick else 5)
        supplied = measure_supply(folder, clips, rounds, epochs)
    for_one_epoch = [seconds / epochs for seconds in supplied["ours"]]
    count, slow, large = len(clips), written["reference"], written["large batches"]
    rows = [
        _row("write: parts, flush to disk and joining", slow, written["ours"], count, "30x"),
        _row("write: packing and direct chunks alone", slow, written["chunks"], count),
        _row(f"the same compared with batches of {BATCH} clips", large, written["chunks"], count),
        _row("random read of one clip, plain h5py", read["reference"], read["plain"], READ, "60x"),
        _row("random read of one clip, as the loader does", read["reference"], read["ours"], READ, "120x", MAPPED),
        _row("batches after preload", supplied["reference"], for_one_epoch, count, "1000x", "0.13 ms a clip"),
    ]
    print_table(
        f"Storage, a clip of {MEGABYTES:.2f} MB ({count} clips; ours take {size:.2f} of their plain size on disk)",
        ["metric", "reference", "ours", "faster", "expected", "known limit"],
        rows,
    )


def _row(
    metric: str, slow: list[float], fast: list[float], clips: int, expected: str = "", limit: str = ""
) -> list[str]:
    return [metric, milliseconds(slow, clips), milliseconds(fast, clips), ratio(slow, fast), expected, limit]


if __name__ == "__main__":
    main()
