import h5py
import numpy as np
import pytest

from hand_gestures.store.chunk_packing import is_packed_by_clip, pack_chunk, unpack_chunk

GZIP = {"compression": "gzip", "compression_opts": 4}


def random_clip(dtype="float32", shape=(32, 12, 96)):
    return np.random.default_rng(1).normal(0, 1, shape).astype(dtype)


def rounded_clip(dtype="float32", shape=(32, 12, 96)):
    """Numbers of bfloat16 precision: the lower two bytes are zero."""
    return (random_clip("float32", shape).view(np.uint32) & 0xFFFF0000).view(np.float32).astype(dtype)


CLIPS = {
    "random": random_clip(),
    "half": random_clip("float16"),
    "rounded": rounded_clip(),
    "zeros": np.zeros((32, 12, 96), np.float32),
    "one number": random_clip(shape=(1, 1, 1)),
    "planes longer than a stored block": random_clip(shape=(32, 12, 768)),
    "not finite": np.array([[[np.nan, np.inf, -np.inf, -0.0]]], np.float32),
}


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_hdf5_reads_a_packed_chunk_bit_for_bit(tmp_path, clip):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset(
            "d", (1, *clip.shape), clip.dtype, chunks=(1, *clip.shape), shuffle=True, compression="gzip"
        )
        assert is_packed_by_clip(data)
        data.id.write_direct_chunk((0, 0, 0, 0), pack_chunk(clip))
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["d"][0].tobytes() == clip.tobytes()


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_a_packed_clip_unpacks_bit_for_bit(clip):
    out = np.empty_like(clip)
    unpack_chunk(pack_chunk(clip), out)
    assert out.tobytes() == clip.tobytes()


def test_a_chunk_written_by_hdf5_unpacks_too(tmp_path):
    clip = random_clip()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset(
            "d", (1, *clip.shape), data=clip[None], chunks=(1, *clip.shape), shuffle=True, **GZIP
        )
        chunk = data.id.read_direct_chunk((0, 0, 0, 0))[1]
    out = np.empty_like(clip)
    unpack_chunk(chunk, out)
    assert np.array_equal(out, clip)


def test_compressible_clips_shrink_and_noise_does_not_grow():
    assert len(pack_chunk(CLIPS["zeros"])) < 0.01 * CLIPS["zeros"].nbytes
    assert len(pack_chunk(CLIPS["rounded"])) < 0.4 * CLIPS["rounded"].nbytes
    assert len(pack_chunk(CLIPS["random"])) < 0.9 * CLIPS["random"].nbytes
    noise = np.random.default_rng(0).integers(0, 256, 4 * 32 * 12 * 96, np.uint8).view(np.float32)
    assert len(pack_chunk(noise)) < 1.001 * noise.nbytes


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "longer", "shorter"])
def test_a_damaged_chunk_is_an_error(damage):
    clip = random_clip()
    chunk = {
        "cut": pack_chunk(clip)[:1000],
        "flip": (lambda packed: packed[:500] + bytes([packed[500] ^ 1]) + packed[501:])(pack_chunk(clip)),
        "empty": b"",
        "longer": pack_chunk(random_clip(shape=(33, 12, 96))),
        "shorter": pack_chunk(random_clip(shape=(31, 12, 96))),
    }[damage]
    with pytest.raises(ValueError, match="damaged chunk"):
        unpack_chunk(chunk, np.empty_like(clip))


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": (1, 4, 2, 3), "shuffle": True, "compression": "gzip"},
        {"chunks": (1, 8, 2, 3), "compression": "gzip"},
        {"chunks": (1, 8, 2, 3), "shuffle": True},
        {"chunks": (1, 8, 2, 3), "shuffle": True, "compression": "gzip", "fletcher32": True},
        {"chunks": (1, 8, 2, 3), "shuffle": True, "compression": "gzip", "dtype": ">f4"},
    ],
)
def test_other_layouts_are_read_by_h5py(tmp_path, options):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        assert not is_packed_by_clip(file.create_dataset("d", (5, 8, 2, 3), **options))
