"""What must be computed after a change: real frames, real networks, the real split and the files of three splits."""

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from base_parameters import base_parameters
from hand_gestures.backbones.fetch import fetch_models
from hand_gestures.dataset.sequences import build_sequences
from hand_gestures.dataset.split_assignment import SPLITS
from hand_gestures.dataset.split_table import make_split_table, select_sequences
from hand_gestures.embedding.plan import make_extraction_recipe, plan_embeddings
from hand_gestures.embedding.upgrade import digest_of_schema_1
from hand_gestures.parameters import AugmentationParameters, ClipParameters, ExtractionParameters, HandParameters
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError

PAIR = {"swipe_left": "swipe_right"}
VIDEOS = 6


class Project:
    """A folder of frames and its embeddings."""

    def __init__(self, folder, vit, resnext, yolo):
        self.frames, self.out = folder / "frames", folder / "out"
        self.digests = folder / "digests.sqlite"
        self.models = {"vit": vit, "resnext": resnext}
        self.yolo = yolo

    def run(self, caplog=None, sources=(), **changes):
        """Write the three files with these parameters.

        Returns:
            Numbers of rows copied and computed, of hands copied and searched, summed over the files that were written.
        """
        seed = changes.get("seed", 7)
        models = fetch_models(
            **{
                role: {"name": "owner/model", "revision": changes.get("revision", "main"), "path": str(path)}
                for role, path in self.models.items()
            },
            hands={"name": "owner/model", "revision": "main", "path": str(self.yolo), "weights": "hands.pt"},
        )
        table = self.sequences(changes.get("group_pattern"))
        fractions = changes.get("val_fraction", 0.34), changes.get("test_fraction", 0.0)
        split = make_split_table(table, *fractions, changes.get("split_seed", seed), None)
        parts = {side: select_sequences(table, split[split["side"] == side]) for side in SPLITS}
        augmentation = base_parameters(
            AugmentationParameters,
            views=changes.get("views", 1),
            hue=changes.get("hue", 0.1),
            horizontal_flip=0.5,
            mirrored_classes=changes.get("mirrored_classes", PAIR),
        )
        precision = changes.get("precision", "float32")
        extraction = base_parameters(
            ExtractionParameters, precision=precision, device="cpu", workers=0, compile=False,
            embedding_sources=[str(path) for path in sources],
        )  # fmt: skip
        recipe = make_extraction_recipe(
            models,
            sorted(table["class_name"].unique()),
            base_parameters(ClipParameters, frames=3, size=32),
            augmentation,
            base_parameters(HandParameters, every=2, confidence=changes.get("confidence", 0.25)),
            extraction,
            seed,
        )
        tables = dict(zip(("training", "validation", "test"), parts.values(), strict=True))
        planned = plan_embeddings(tables, self.frames, recipe, models, {}, extraction, self.digests)
        if caplog is not None:
            caplog.clear()
            caplog.set_level("INFO")
        for side, pending in zip(SPLITS, planned.values(), strict=True):
            write_embeddings(self.out / f"{side}.h5", pending)
        lines = [line.partition(".h5: ")[2] for line in (caplog.messages if caplog else ()) if " searched" in line]
        counts = [list(map(int, re.findall(r"\d+", line))) for line in lines]
        return np.sum(counts or [[0] * 4], axis=0).tolist()

    def sequences(self, group_pattern):
        rows = [
            (path.parent.name, *path.stem.split("_frame_"), str(path.relative_to(self.frames)))
            for path in self.frames.rglob("*.png")
        ]
        table = pd.DataFrame(rows, columns=["class_name", "video_id", "frame_number", "path"])
        return build_sequences(table.astype({"frame_number": int}), 3, group_pattern)

    def files(self):
        return {path.name: path.read_bytes() for path in self.out.iterdir()}

    def clips(self, side):
        """The contents of the clips of a file."""
        return {content.tobytes() for content in EmbeddingFile(self.out / f"{side}.h5").contents}


@pytest.fixture
def project(tmp_path, write_frame, frames_dir, vit_folder, resnext_folder, yolo_file):
    for class_name in ("fist", *PAIR, *PAIR.values()):
        for number in range(VIDEOS):
            for frame in range(2 + number % 2):
                write_frame(f"{class_name}/{'ab'[number % 2]}{number}_frame_{frame}.png")
    made = Project(tmp_path, vit_folder, resnext_folder, yolo_file)
    made.run()
    return made


CLIPS = 3 * VIDEOS


def move_label(project):
    for path in (project.frames / "fist").glob("a0_*"):
        path.rename(project.frames / "swipe_left" / f"moved_{path.name}")


def rename_class(project):
    (project.frames / "fist").rename(project.frames / "rock")


def add_video(project):
    for path in (project.frames / "fist").glob("a0_*"):
        # another picture: a byte after the end of a PNG changes the content of the file, not the pixels
        (project.frames / "fist" / f"new_{path.name}").write_bytes(path.read_bytes() + b"\0")


def remove_video(project):
    for path in (project.frames / "fist").glob("a0_*"):
        path.unlink()


def move_weights(project):
    for role, folder in project.models.items():
        project.models[role] = shutil.copytree(folder, project.frames.parent / "moved" / Path(folder).name)


CHANGES = {
    "nothing": ({}, None),
    "seed": ({"seed": 8}, None),
    "split.seed": ({"split_seed": 1}, None),
    "val_fraction": ({"val_fraction": 0.5}, None),
    "test_fraction": ({"test_fraction": 0.2}, None),
    "group_pattern": ({"group_pattern": "^([ab])"}, None),
    "label moved": ({}, move_label),
    "class renamed": ({}, rename_class),
    "mirrored_classes": ({"mirrored_classes": {"swipe_left": "swipe_left", "swipe_right": "swipe_right"}}, None),
    "views": ({"views": 3}, None),
    "hue": ({"hue": 0.2}, None),
    "hands.confidence": ({"confidence": 0.5}, None),
    "one video added": ({}, add_video),
    "one video removed": ({}, remove_video),
    "revision": ({"revision": "0" * 40}, None),
    "weights folder moved": ({}, move_weights),
    "precision": ({"precision": "bfloat16"}, None),
}


def expected(name, before, after, views):
    """Rows and hands that must be computed, from the clips before and after."""
    clips = set.union(*after.values())
    everything, new = len(clips), len(clips - set.union(*before.values()))
    moved_in = len(after["train"] - before["train"])  # their augmented rows are missing
    return {
        "seed": (len(after["train"]), 0),  # the augmented rows of all training clips
        "views": (2 * len(after["train"]), 0),
        "hue": (len(after["train"]), 0),
        "hands.confidence": (0, everything),
        "precision": (everything + len(after["train"]), 0),
    }.get(name, (moved_in * views + new, new))


@pytest.mark.parametrize("name", CHANGES)
def test_only_rows_that_a_change_concerns_are_computed(project, caplog, name, tmp_path):
    changes, change = CHANGES[name]
    before = {side: project.clips(side) for side in SPLITS}
    if change is not None:
        change(project)
    copied, computed, _, searched = project.run(caplog, **changes)
    after = {side: project.clips(side) for side in SPLITS}
    rows, hands = expected(name, before, after, changes.get("views", 1))
    assert (computed, searched) == (rows, hands)
    if name in ("nothing", "revision", "weights folder moved"):
        assert "train.h5 is up to date, skipping" in caplog.messages
        return
    assert copied + computed >= 1
    reused = project.files()
    shutil.rmtree(project.out)
    project.digests.unlink()
    project.run(**changes)
    assert project.files() == reused  # rows do not depend on what existed before


def test_a_clip_that_moved_to_another_class_has_the_label_of_that_class_and_the_same_views(project):
    def views(file):
        rows = zip(map(bytes, file.contents), file.views.tolist(), file.mirrored.tolist(), strict=True)
        return {(content, view): mirrored for content, view, mirrored in rows}

    before = views(EmbeddingFile(project.out / "train.h5"))
    for path in sorted((project.frames / "fist").iterdir()):
        path.rename(project.frames / "swipe_left" / f"z_{path.name}")
    project.run()
    file = EmbeddingFile(project.out / "train.h5")
    assert file.header.class_names == ("swipe_left", "swipe_right")
    shared = before.keys() & views(file).keys()
    assert len(shared) > VIDEOS
    assert all(before[view] == views(file)[view] for view in shared)
    assert len(set(file.mirrored)) == 2
    opposite = {"swipe_left": "swipe_right", "swipe_right": "swipe_left"}
    for name, label, mirrored in zip(file.sequence_ids, file.labels, file.mirrored, strict=True):
        own = name.partition("/")[0]
        assert file.header.class_names[label] == (opposite[own] if mirrored else own)


def test_a_file_of_embedding_sources_gives_its_rows(project, caplog):
    archive = shutil.copytree(project.out, project.out.parent / "archive")
    shutil.rmtree(project.out)
    copied, computed, _, searched = project.run(caplog, sources=sorted(archive.iterdir()))
    assert (computed, searched) == (0, 0)
    assert copied == CLIPS + len(project.clips("train"))


def test_a_missing_file_of_embedding_sources_is_an_error(project, tmp_path):
    with pytest.raises(HandGesturesError, match=r"embedding_sources names .*nowhere\.h5 does not exist; correct"):
        project.run(sources=[tmp_path / "nowhere.h5"])


def to_schema_1(path, project):
    """Write a file as version 1 did."""
    file = EmbeddingFile(path)
    header, names = file.header, file.header.class_names
    ids = list(dict.fromkeys(file.sequence_ids))
    frames = project.sequences(None).set_index("sequence_id")["frames"]
    labels = {
        name: names[label]
        for name, label, view in zip(file.sequence_ids, file.labels, file.views, strict=True)
        if view == 0
    }
    sources = digest_of_schema_1([(name, labels[name], frames[name]) for name in ids], project.frames)
    views = header.recipe.get("augmentation") or base_parameters(AugmentationParameters).model_dump(mode="json")
    seed = 7
    fingerprint = {
        "models": header.provenance["models"],
        "clips": {"frames": 3, "size": 32},
        "augmentation": {key: value for key, value in views.items() if key not in ("seed", "engine")},
        "mirrored_labels": header.recipe.get("mirrored_labels", {name: name for name in names}),
        "hands": {"enabled": True, "every": 2, "confidence": 0.25, "max_hands": 4},
        "precision": "float32",
        "storage": "float32",
        "seed": seed,
    }
    with h5py.File(path, "r+") as opened:
        for name in ("contract", "recipe", "hand_search", "provenance", "precision_error", "rows_digest"):
            del opened.attrs[name]
        del opened["mirrored"], opened["contents"]
        opened.attrs["schema_version"] = 1
        opened.attrs["fingerprint"] = json.dumps(fingerprint, sort_keys=True)
        opened.attrs["sources"] = sources
        opened.attrs["closeness"] = "{}"


@pytest.fixture
def old_files(project):
    for side in SPLITS:
        to_schema_1(project.out / f"{side}.h5", project)
    return project


def test_files_of_schema_version_1_are_upgraded_without_embedding(old_files, caplog):
    before = {side: EmbeddingFile(old_files.out / f"{side}.h5") for side in SPLITS}
    assert before["train"].header.schema_version == 1
    assert before["train"].contents is None
    with h5py.File(old_files.out / "train.h5") as file:
        rows = file["embeddings/data"][:]
    _, computed, _, searched = old_files.run(caplog)
    assert (computed, searched) == (0, 0)
    upgraded = EmbeddingFile(old_files.out / "train.h5")
    assert upgraded.header.schema_version == 2
    assert upgraded.contents is not None
    with h5py.File(upgraded.path) as file:
        np.testing.assert_array_equal(file["embeddings/data"][:], rows)
    old_files.run(caplog)
    assert "train.h5 is up to date, skipping" in caplog.messages


def test_a_file_of_schema_version_1_serves_another_split_too(old_files, caplog):
    path = old_files.out / "train.h5"
    before = set(EmbeddingFile(path).sequence_ids)
    _, computed, _, searched = old_files.run(caplog, split_seed=1)
    moved_in = len(set(EmbeddingFile(path).sequence_ids) - before)
    assert moved_in > 0
    assert (computed, searched) == (moved_in, 0)


def test_clips_that_changed_since_schema_version_1_prove_nothing_and_are_embedded_again(old_files, caplog):
    path = next((old_files.frames / "fist").iterdir())
    path.write_bytes(path.read_bytes() + b"\0")
    _, computed, _, _ = old_files.run(caplog)
    assert computed > 0
    assert "its clips differ from those of today: no rows are copied from it" in caplog.text
