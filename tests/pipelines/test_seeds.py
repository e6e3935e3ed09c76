"""Each topic with a seed of its own uses it; otherwise the parameter `seed` counts."""

import pandas as pd
import pytest

from base_parameters import base_parameters
from hand_gestures.parameters import (
    AugmentationParameters,
    ClipParameters,
    ExtractionParameters,
    HandParameters,
    SplitParameters,
)
from hand_gestures.pipelines.data_processing.nodes import make_split
from hand_gestures.pipelines.feature_engineering.nodes import write_recipe


@pytest.fixture
def sequences():
    names = [(class_name, f"v{number}") for class_name in ("fist", "wave") for number in range(20)]
    table = pd.DataFrame(names, columns=["class_name", "video_id"])
    ids = table["class_name"] + "/" + table["video_id"]
    return table.assign(sequence_id=ids, group=ids, frames=[["x.jpg"]] * len(table), n_frames=1, n_repeated=0)


def test_the_split_has_a_seed_of_its_own(sequences):
    def sides(seed, own=None):
        return make_split(sequences, base_parameters(SplitParameters, seed=own), seed)[0]["side"].tolist()

    assert sides(42) == sides(1, own=42) != sides(1)


def test_the_augmentation_has_a_seed_of_its_own():
    def seed(own):
        recipe = write_recipe(
            {},
            ["fist"],
            base_parameters(ClipParameters),
            base_parameters(AugmentationParameters, seed=own),
            base_parameters(HandParameters),
            base_parameters(ExtractionParameters),
            seed=3,
        )
        return recipe["views"]["augmentation"]["seed"]

    assert (seed(None), seed(5)) == (3, 5)
