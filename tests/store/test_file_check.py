"""Embeddings files that somebody else changed: each is refused in one sentence, and costs little memory."""

import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from hand_gestures.store.attribute_lengths import text_lengths
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import CHANNELS, FRAMES, WIDTH

TESTS = Path(__file__).parents[1]
ROWS = 4
GZIP = {"compression": "gzip", "shuffle": True}
DEEP = "[" * 100_000 + "]" * 100_000
BOMB = zlib.compress(bytes(1 << 28), 9)  # 0.26 MB that inflate to 268 MB


def replace(file, name, **dataset):
    del file[name]
    return file.create_dataset(name, **dataset)


def external_link(file):
    with h5py.File(Path(file.filename).with_name("other.h5"), "w") as other:
        other["labels"] = np.zeros(ROWS, int)
    del file["labels/data"]
    file["labels/data"] = h5py.ExternalLink("other.h5", "labels")


def external_group(file):
    with h5py.File(Path(file.filename).with_name("other.h5"), "w") as other:
        file.copy("embeddings", other)
    del file["embeddings"]
    file["embeddings"] = h5py.ExternalLink("other.h5", "embeddings")


def soft_link_through_an_external_link(file):
    external_group(file)
    file["outside"] = h5py.ExternalLink("other.h5", "/")
    del file["embeddings"]
    file["embeddings"] = h5py.SoftLink("/outside/embeddings")


def soft_link_to_itself(file):
    del file["views/data"]
    file["views/data"] = h5py.SoftLink("/views/data")


def external_storage(file):
    outside = Path(file.filename).with_name("secret.raw")
    outside.write_bytes(bytes(8 * ROWS))
    replace(file, "labels/data", shape=(ROWS,), dtype="i8", external=[(str(outside), 0, 8 * ROWS)])


def virtual(file):
    layout = h5py.VirtualLayout((ROWS, FRAMES, CHANNELS, WIDTH), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "data", shape=(ROWS, FRAMES, CHANNELS, WIDTH))
    del file["embeddings/data"]
    file.create_virtual_dataset("embeddings/data", layout)


def group_for_a_dataset(file):
    del file["labels/data"]
    file.create_group("labels/data")


def type_for_a_dataset(file):
    del file["labels/data"]
    file["labels/data"] = np.dtype("i8")


def missing(name):
    def change(file):
        del file[name]

    return change


def without_attribute(name):
    def change(file):
        del file.attrs[name]

    return change


def attribute(name, value):
    def change(file):
        file.attrs[name] = value

    return change


def dataset(name, **arguments):
    def change(file):
        replace(file, name, **arguments)

    return change


def plugin_filter(file):
    """The filter of bzip2, which HDF5 would look for in a folder of plugins."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((1, FRAMES, CHANNELS, WIDTH))
    properties.set_filter(307, h5py.h5z.FLAG_OPTIONAL, (9,))
    space = h5py.h5s.create_simple((ROWS, FRAMES, CHANNELS, WIDTH))
    del file["embeddings/data"]
    h5py.h5d.create(file["embeddings"].id, b"data", h5py.h5t.IEEE_F32LE, space, properties)


def gzip_twice(file):
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((1, FRAMES, CHANNELS, WIDTH))
    properties.set_deflate(9)
    properties.set_deflate(9)
    space = h5py.h5s.create_simple((ROWS, FRAMES, CHANNELS, WIDTH))
    del file["embeddings/data"]
    h5py.h5d.create(file["embeddings"].id, b"data", h5py.h5t.IEEE_F32LE, space, properties)


def gzip_before_shuffle(file):
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((1, FRAMES, CHANNELS, WIDTH))
    properties.set_deflate(4)
    properties.set_shuffle()
    space = h5py.h5s.create_simple((ROWS, FRAMES, CHANNELS, WIDTH))
    del file["embeddings/data"]
    h5py.h5d.create(file["embeddings"].id, b"data", h5py.h5t.IEEE_F32LE, space, properties)


def many_rows(file):
    file["embeddings/data"].resize(10**12, axis=0)


def missing_rows(file):
    file["embeddings/data"].resize(ROWS + 3, axis=0)


def long_ids(file):
    """Every row points to the same text of 9 MB: a file of 9 MB whose ids take 36 GB."""
    ids = replace(file, "sequence_ids/data", shape=(ROWS,), dtype=h5py.string_dtype())
    ids[0] = "a" * 9_000_000
    offset, name = ids.id.get_offset(), Path(file.filename)
    file.close()
    content = bytearray(name.read_bytes())
    content[offset : offset + 16 * ROWS] = content[offset : offset + 16] * ROWS
    name.write_bytes(content)


def long_names(file):
    """Every name points to the same text of 9 MB: a file of 9 MB whose names take 36 GB."""
    del file.attrs["class_names"]
    file.attrs.create("class_names", ["first", "a" * 9_000_000] + ["c"] * 4000, dtype=h5py.string_dtype())
    name = Path(file.filename)
    file.close()
    content = bytearray(name.read_bytes())
    record = content.index((9_000_000).to_bytes(4, "little"), content.index(b"class_names\0"))
    content[record : record + 16 * 4001] = content[record : record + 16] * 4001
    name.write_bytes(content)


def many_attributes(file):
    """With more than eight attributes, recent HDF5 keeps them outside of the object header."""
    name = Path(file.filename)
    with h5py.File(name.with_name("dense.h5"), "w", libver="latest") as dense:
        for item in file:
            file.copy(item, dense)
        for key, value in file.attrs.items():
            dense.attrs[key] = value
        for number in range(9):
            dense.attrs[f"more {number}"] = "x"
    file.close()
    name.with_name("dense.h5").replace(name)


def not_utf8(file):
    replace(file, "sequence_ids/data", shape=(ROWS,), dtype=h5py.string_dtype())[0] = b"wave/\xff\xfe"


def bomb_in_labels(file):
    data = replace(file, "labels/data", shape=(ROWS,), dtype="i8", chunks=(ROWS,), compression="gzip")
    data.id.write_direct_chunk((0,), BOMB)


HEADER = {
    "external link": (
        external_link,
        "labels/data must be stored in the file itself, .* link to labels in other.h5",
    ),
    "external group": (external_group, "embeddings/data must be stored in the file itself, but it is a link"),
    "soft link": (soft_link_through_an_external_link, "must be stored in the file itself, but it is a link to"),
    "loop of a link": (soft_link_to_itself, "views/data must be stored in the file itself, but it is a link to"),
    "external storage": (external_storage, r"must be stored in the file itself, but its numbers are in .*secret.raw"),
    "virtual": (virtual, "must be stored in the file itself, but it is a virtual dataset"),
    "group": (group_for_a_dataset, "labels/data must be a dataset, but it is a group"),
    "type": (type_for_a_dataset, "labels/data must be a dataset, but it is a datatype"),
    "no embeddings": (missing("embeddings"), "must hold the dataset embeddings/data, but it is missing"),
    "no labels": (missing("labels/data"), "must hold the dataset labels/data, but it is missing"),
    "no hands": (missing("hands/scores"), "must hold the dataset hands/scores, but it is missing"),
    "plugin": (plugin_filter, "may use the filters gzip, shuffle, fletcher32 only, but it uses filter 307"),
    "gzip twice": (gzip_twice, "may use every filter once, but it uses gzip, gzip"),
    "gzip before shuffle": (gzip_before_shuffle, "must be shuffled before gzip compresses it, but gzip is first"),
    "huge chunk": (
        dataset("embeddings/data", shape=(ROWS, 3000, 12, 700), dtype="f4", chunks=(4, 3000, 12, 700), **GZIP),
        "a chunk must take at most 134217728 bytes, but those of embeddings/data take 403200000",
    ),
    "huge clip": (
        dataset("embeddings/data", shape=(ROWS, 4096, 1024, 65536), dtype="f4", chunks=(1, 8, 12, 6), **GZIP),
        "a clip must take at most 134217728 bytes",
    ),
    "many frames": (
        dataset("embeddings/data", shape=(ROWS, 10**12, 12, 6), dtype="f4", chunks=(1, 8, 12, 6)),
        "a clip must have 1 to 4096 frames, but embeddings of shape .* have 1000000000000",
    ),
    "no width": (
        dataset("embeddings/data", shape=(ROWS, 8, 12, 0), maxshape=(ROWS, 8, 12, None), dtype="f4"),
        "a clip must have 1 to 65536 features, but embeddings of shape .* have 0",
    ),
    "three axes": (dataset("embeddings/data", data=np.zeros((4, 8, 6), "f4")), "must have 4 axes, but its shape is"),
    "no shape": (dataset("embeddings/data", data=h5py.Empty("f4")), "must have 4 axes, but its shape is None"),
    "many rows": (many_rows, "embeddings/data must fit into the file, but shape .1000000000000"),
    "missing rows": (missing_rows, "every chunk of embeddings/data must be stored, but 4 of 7 are"),
    "never written": (
        dataset("embeddings/data", shape=(ROWS, FRAMES, CHANNELS, WIDTH), dtype="f4"),
        "embeddings/data must be stored in the file, but the file ends before it",
    ),
    "whole numbers": (
        dataset("embeddings/data", data=np.zeros((ROWS, FRAMES, CHANNELS, WIDTH), "i4")),
        "embeddings/data must be float32 or float16, but it is int32",
    ),
    "label too large": (
        dataset("labels/data", data=[0, 1, 2, 3]),
        "labels/data must be below 3, as many as class_names has, but entry 3 is 3",
    ),
    "label below 0": (dataset("labels/data", data=[0, 1, -1, 2]), "labels/data must be below 3.* entry 2 is -1"),
    "labels of floats": (dataset("labels/data", data=np.zeros(ROWS)), "labels/data must be whole numbers, but it is"),
    "many labels": (
        dataset("labels/data", data=[0] * 9),
        "labels/data must have one entry per row of the embeddings, but it has 9 for 4 rows",
    ),
    "labels of a huge shape": (
        dataset("labels/data", shape=(10**13,), dtype="i8", chunks=(1000,)),
        "labels/data must take at most 67108864 bytes",
    ),
    "few views": (dataset("views/data", data=[0]), "views/data must have one entry per row.* it has 1 for 4 rows"),
    "view below 0": (dataset("views/data", data=[0, 0, 0, -2]), "views/data must be 0 or more, but entry 3 is -2"),
    "few ids": (dataset("sequence_ids/data", data=["a"]), r"sequence_ids/data must have the shape \(4,\)"),
    "ids that are numbers": (dataset("sequence_ids/data", data=range(ROWS)), "sequence_ids/data must be text"),
    "hand frame beyond the clip": (
        dataset("hands/frames", data=[0, FRAMES]),
        "hands/frames must be below 8, as many as a clip has, but entry 1 is 8",
    ),
    "boxes of another shape": (
        dataset("hands/boxes", data=np.zeros((ROWS, 2, 3, 5), "f4")),
        r"hands/boxes must have the shape \(4, 2, 3, 4\).*, but it is \(4, 2, 3, 5\)",
    ),
    "scores of another shape": (
        dataset("hands/scores", data=np.zeros((ROWS, 2, 9), "f4")),
        r"hands/scores must have the shape \(4, 2, 3\)",
    ),
    "many hands": (
        dataset("hands/boxes", shape=(ROWS, 2, 10**9, 4), dtype="f4", chunks=(1, 2, 100, 4)),
        "hands/boxes must take at most 67108864 bytes",
    ),
    "bomb in the labels": (bomb_in_labels, "damaged chunk: more than 36 bytes"),
    "no class names": (without_attribute("class_names"), "must have the attribute class_names, but it is missing"),
    "long class names": (long_names, "text of class_names must take at most 4096 bytes, but one takes 9000000"),
    "long fixed class names": (
        attribute("class_names", np.array([b"a" * 5000, b"b", b"c"])),
        "text of class_names must take at most 4096 bytes, but one takes 5000",
    ),
    "long contract": (
        attribute("contract", "a" * 2_000_000),
        "text of contract must take at most 1048576 bytes, but one",
    ),
    "attributes in a heap": (many_attributes, r"attribute \w+ must be in the header of the file, but it is in a heap"),
    "no contract": (without_attribute("contract"), "must have the attribute contract, but it is missing"),
    "no digest of rows": (without_attribute("rows_digest"), "must have the attribute rows_digest, but it is missing"),
    "no contents": (missing("contents/data"), "must hold the dataset contents/data, but it is missing"),
    "few contents": (
        dataset("contents/data", data=np.zeros((3, 16), "u1")),
        r"contents/data must have the shape \(4, 16\).*, but it is \(3, 16\)",
    ),
    "short contents": (dataset("contents/data", data=np.zeros((ROWS, 8), "u1")), r"must have the shape \(4, 16\)"),
    "contents of floats": (dataset("contents/data", data=np.zeros((ROWS, 16))), "contents/data must be uint8, but it"),
    "mirrored twice": (
        dataset("mirrored/data", data=[0, 1, 2, 0]),
        "mirrored/data must be below 2, 1 for a mirror image, but entry 2 is 2",
    ),
    "few mirrored": (dataset("mirrored/data", data=[0]), "mirrored/data must have one entry per row.* it has 1 for 4"),
    "class names that are numbers": (attribute("class_names", [1, 2, 3]), "class_names must be text, but it is int64"),
    "one class name": (attribute("class_names", "fist"), "class_names must be a list of at most 10000 texts"),
    "a class twice": (attribute("class_names", ["a", "b", "b"]), "class_names must be different names, but 'b' is"),
    "channels without name": (attribute("channel_names", ["a"]), "there are 1 names for 12 channels"),
    "class not in UTF-8": (attribute("class_names", np.array([b"\xff", b"b", b"c"])), "class_names must be UTF-8"),
    "contract that is no JSON": (attribute("contract", "{"), "the attribute contract must be JSON, but"),
    "recipe that is a list": (attribute("recipe", "[1]"), "recipe must be a JSON object, but it is"),
    "deep provenance": (attribute("provenance", DEEP), "provenance must be JSON, .*more than 50 levels deep"),
    "deep precision error": (attribute("precision_error", '{"a":' * 60 + "1" + "}" * 60), "error .*50 levels deep"),
    "digest that is a number": (attribute("rows_digest", 7), "the attribute rows_digest must be text, but it is int64"),
    "schema of two numbers": (
        attribute("schema_version", [1, 1]),
        "schema version 1 or 2, but .* has None",
    ),
}


def changed(file, change):
    with h5py.File(file.path, "r+") as opened:
        change(opened)
    return file


def assert_one_sentence(error, path):
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    assert re.search(r"; .*run kedro run --pipeline feature_engineering", str(error.value))


@pytest.mark.parametrize(("change", "message"), HEADER.values(), ids=HEADER)
def test_a_file_that_declares_something_wrong_is_refused_when_its_header_is_read(write_file, change, message):
    file = changed(write_file("a.h5", ROWS), change)
    with pytest.raises(HandGesturesError, match=message) as error:
        file.header  # noqa: B018
    assert_one_sentence(error, file.path)
    for read in (lambda: file.labels, lambda: file.sequence_ids, lambda: file.hands, lambda: file.reader().open()):
        with pytest.raises(HandGesturesError, match=message):
            read()


@pytest.mark.parametrize(
    ("change", "message"),
    [(long_ids, "must take at most 4096 bytes, but one takes 9000000"), (not_utf8, "sequence_ids/data must be UTF-8")],
)
def test_ids_are_checked_when_they_are_read(write_file, change, message):
    file = changed(write_file("a.h5", ROWS), change)
    with pytest.raises(HandGesturesError, match=message) as error:
        file.sequence_ids  # noqa: B018
    assert_one_sentence(error, file.path)


LAYOUTS = {
    "one chunk per clip": {"chunks": (1, FRAMES, CHANNELS, WIDTH), **GZIP},
    "two clips per chunk": {"chunks": (2, FRAMES, CHANNELS, WIDTH), **GZIP},
    "no shuffle": {"chunks": (1, FRAMES, CHANNELS, WIDTH), "compression": "gzip"},
    "checksum": {"chunks": (1, FRAMES, CHANNELS, WIDTH), "fletcher32": True, **GZIP},
    "no filter": {"chunks": (3, 2, CHANNELS, WIDTH)},
    "no chunks": {},
}


@pytest.mark.parametrize("userblock_size", [0, 512])
@pytest.mark.parametrize("libver", ["earliest", ("v108", "v110"), "latest"])
def test_the_lengths_of_texts_are_read_in_every_version_of_the_format(tmp_path, libver, userblock_size):
    with h5py.File(tmp_path / "a.h5", "w", libver=libver, userblock_size=userblock_size) as file:
        file.attrs.create("names", ["a", "", "é" * 5], dtype=h5py.string_dtype())
        for number in range(4):
            file.attrs[f"x{number}"] = "y" * (number * 100)
        del file.attrs["x1"]
        file.attrs["text"] = "z" * 70_000
        file.attrs.create("many", [str(number) for number in range(3000)], dtype=h5py.string_dtype())
    with h5py.File(tmp_path / "a.h5") as file:
        assert text_lengths(file, "names").tolist() == [1, 0, 10]
        assert text_lengths(file, "text").tolist() == [70_000]
        assert text_lengths(file, "x3").tolist() == [300]
        assert text_lengths(file, "many").tolist() == [len(str(number)) for number in range(3000)]
        assert text_lengths(file, "x1") is None


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_files_of_other_programs_are_read(write_file, layout):
    file = write_file("a.h5", ROWS)
    with h5py.File(file.path, "r+") as opened:
        clips = opened["embeddings/data"][:]
        replace(opened, "embeddings/data", data=clips, **layout)
    read, out = file.reader(), np.empty(clips.shape[1:], np.float32)
    for row, clip in enumerate(clips):
        read(row, out)
        np.testing.assert_array_equal(out, clip)


@pytest.mark.parametrize("content", [BOMB, zlib.compress(b"short"), b"no stream"], ids=len)
@pytest.mark.parametrize("layout", [name for name, layout in LAYOUTS.items() if "compression" in layout])
def test_a_chunk_that_holds_more_or_less_than_its_shape_says_is_refused(write_file, layout, content):
    file = write_file("a.h5", ROWS)
    with h5py.File(file.path, "r+") as opened:
        data = replace(opened, "embeddings/data", data=opened["embeddings/data"][:], **LAYOUTS[layout])
        data.id.write_direct_chunk((2, 0, 0, 0), content)
    out = np.empty(file.header.shape[1:], np.float32)
    with pytest.raises(HandGesturesError, match=r"row 2 is not \((damaged chunk|a chunk must hold)"):
        file.reader()(2, out)
    file.reader()(1, out)


def test_a_named_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.h5")
    with pytest.raises(HandGesturesError, match="is not a complete HDF5 file"):
        EmbeddingFile(tmp_path / "a.h5").open()


LIMITED = f"""
import sys, re, resource
sys.path[:0] = [{str(TESTS)!r}, {str(Path(__file__).parent)!r}]
from pathlib import Path
import numpy as np
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.utils.errors import HandGesturesError
used = int(re.search(r"VmSize:\\s*(\\d+)", Path("/proc/self/status").read_text()).group(1)) << 10
resource.setrlimit(resource.RLIMIT_AS, (used + 500_000_000,) * 2)
for path in sys.argv[1:]:
    file = EmbeddingFile(Path(path))
    try:
        file.header, file.labels, file.views, file.hands, file.sequence_ids
        read, out = file.reader(), np.empty(file.header.shape[1:], np.float32)
        for row in range(len(file)):
            read(row, out)
    except HandGesturesError as error:
        assert "MemoryError" not in str(error), error
    else:
        raise AssertionError(f"{{path}} is not refused")
print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text()).group(1))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_no_such_file_takes_500_megabytes(write_file):
    paths = []
    for number, (change, _) in enumerate([*HEADER.values(), (long_ids, ""), (not_utf8, "")]):
        paths.append(changed(write_file(f"{number}.h5", ROWS), change).path)
    for name, layout in LAYOUTS.items():
        if "compression" in layout:
            file = write_file(f"bomb {name}.h5", ROWS)
            with h5py.File(file.path, "r+") as opened:
                data = replace(opened, "embeddings/data", data=opened["embeddings/data"][:], **layout)
                data.id.write_direct_chunk((2, 0, 0, 0), BOMB)
            paths.append(file.path)
    run = subprocess.run([sys.executable, "-c", LIMITED, *paths], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 500_000  # kilobytes, with all libraries


FUZZ = f"""
import sys, random, os, traceback
sys.path[:0] = [{str(TESTS)!r}]
from pathlib import Path
import numpy as np
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.utils.errors import HandGesturesError
original, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
content = original.read_bytes()
target = original.with_name(f"mutated {{first}}.h5")
for number in range(first, last):
    print(number, flush=True)
    draw, mutated = random.Random(number), bytearray(content)
    # half of the mutations hit the first kilobytes, where most of the metadata is
    for _ in range(draw.choice([1, 1, 2, 5, 20])):
        mutated[draw.randrange(draw.choice([len(content), 4096]))] = draw.choice([0, 255, draw.randrange(256)])
    target.write_bytes(mutated)
    file = EmbeddingFile(target)
    def read_rows():
        read, out = file.reader(), np.empty(file.header.shape[1:], np.float32)
        for row in range(len(file)):
            try:
                read(row, out)
            except HandGesturesError:
                pass
    for step in (lambda: file.open().close(), lambda: file.header, lambda: file.labels, lambda: file.views,
                 lambda: file.sequence_ids, lambda: file.hands, read_rows):
        try:
            step()
        except HandGesturesError as error:
            assert "\\n" not in str(error)
"""


def test_300_random_mutations_are_read_or_refused(write_file):
    """In a process of its own, because a damaged file can crash HDF5 itself."""
    file = write_file("a.h5", ROWS)
    run = subprocess.run(
        [sys.executable, "-c", FUZZ, file.path, "0", "300"], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, f"mutation {run.stdout.split()[-1]}: {run.stderr}"
    assert run.stdout.split()[-1] == "299"
