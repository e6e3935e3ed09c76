import json

import numpy as np
import pandas as pd
import pytest

from base_parameters import base_parameters
from hand_gestures.backbones.fetch import fetch_models
from hand_gestures.embedding.plan import make_extraction_recipe, measure_recipe_precision, plan_embeddings
from hand_gestures.parameters import AugmentationParameters, ClipParameters, ExtractionParameters, HandParameters
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.write import write_embeddings
from small_backbones import VIT_WIDTH

CLASS_NAMES = ["swipe_left", "swipe_right"]
EXTRACTION = base_parameters(ExtractionParameters, precision="float32", device="cpu", workers=0, batch_size=2)


@pytest.fixture
def models(vit_folder, resnext_folder):
    source = {"name": "nobody/nothing", "revision": "main"}
    return fetch_models({**source, "path": str(vit_folder)}, {**source, "path": str(resnext_folder)}, None)


def make(models, extraction=EXTRACTION, views=1, **augmentation):
    return make_extraction_recipe(
        models,
        CLASS_NAMES,
        base_parameters(ClipParameters, frames=3, size=48),
        base_parameters(
            AugmentationParameters, views=views, mirrored_classes={"swipe_left": "swipe_right"}, **augmentation
        ),
        base_parameters(HandParameters, enabled=False),
        extraction,
        seed=7,
    )


@pytest.fixture
def sequences(write_frame):
    rows = []
    for number, class_name in enumerate(CLASS_NAMES * 2):
        paths = [f"{class_name}/v{number}_frame_{frame}.png" for frame in range(3)]
        for path in paths:
            write_frame(path)
        rows.append({"sequence_id": f"{class_name}/v{number}", "class_name": class_name, "frames": paths})
    table = pd.DataFrame(rows)
    return {"training": table[:3], "validation": table[3:], "test": table[:0]}


def test_the_recipe_is_json_and_holds_no_path(models):
    recipe = make(models)
    saved = json.loads(json.dumps(recipe))
    assert saved == recipe | {"provenance": saved["provenance"]}
    assert recipe["views"]["mirrored_labels"] == {"swipe_left": "swipe_right", "swipe_right": "swipe_left"}
    assert recipe["contract"]["precision"] == "float32"
    assert recipe["views"]["augmentation"]["seed"] == 7
    assert models["vit"]["folder"] not in json.dumps(recipe)


def test_the_recipe_depends_on_strengths_and_not_on_the_speed_of_extraction(models):
    assert make(models, noise=0.5) != make(models, noise=0.25)
    assert make(models, EXTRACTION.model_copy(update={"workers": 3, "batch_size": 9})) == make(models)


def test_only_training_clips_get_augmented_views_and_nothing_is_computed_before_it_is_written(
    models, sequences, frames_dir, tmp_path, monkeypatch
):
    computed = []
    start = "hand_gestures.embedding.extractor.ClipEmbedder.start"
    original = plan_embeddings.__globals__["ClipEmbedder"].start
    monkeypatch.setattr(start, lambda self, frames: computed.append(len(frames)) or original(self, frames))
    recipe = make(models, views=2)
    planned = plan_embeddings(sequences, frames_dir, recipe, models, {}, EXTRACTION, tmp_path / "digests.sqlite")
    assert {split: pending.header.shape for split, pending in planned.items()} == {
        "training": (9, 3, 12, VIT_WIDTH),
        "validation": (1, 3, 12, VIT_WIDTH),
        "test": (0, 3, 12, VIT_WIDTH),
    }
    assert computed == []
    write_embeddings(tmp_path / "a.h5", planned["training"])
    assert computed == [3] * 9  # three clips of three views of three frames
    assert EmbeddingFile(tmp_path / "a.h5").header.recipe["augmentation"]["seed"] == 7


def test_the_precision_error_is_measured_for_a_lower_precision_only(models, sequences, frames_dir):
    table = sequences["training"]
    assert measure_recipe_precision(table, frames_dir, make(models), models, EXTRACTION) == {}
    lower = EXTRACTION.model_copy(update={"precision": "bfloat16"})
    errors = measure_recipe_precision(table, frames_dir, make(models, lower), models, lower)
    assert len(errors) == 12
    assert np.all([0 < error["relative_l2"] < 0.5 for error in errors.values()])
