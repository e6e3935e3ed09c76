"""A served model is loaded from files that somebody else may have changed."""

import json
from types import SimpleNamespace

import pytest
import torch

from hand_gestures.classifier.bundle import Bundle, save_bundle
from hand_gestures.classifier.networks import build_network
from hand_gestures.mlflow_support.served_model import ServedClassifier
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import CLASS_NAMES, CONTRACT, FRAMES, WIDTH

CHANNELS = ["left_vit", "right_vit"]


@pytest.fixture
def load(tmp_path):
    """Loads a served model whose list of channels has this content."""
    torch.manual_seed(0)
    architecture = {"name": "linear_probe", "classes": 3, "channels": 2, "width": WIDTH}
    weights = build_network(architecture).copy_weights()
    save_bundle(Bundle(weights, architecture, list(CLASS_NAMES), CHANNELS, FRAMES, CONTRACT), tmp_path / "classifier")

    def run(content):
        names = tmp_path / "channel_names.json"
        names.write_text(content)
        model = ServedClassifier()
        model.load_context(
            SimpleNamespace(artifacts={"classifier": str(tmp_path / "classifier"), "channel_names.json": str(names)})
        )
        return model

    return run


def test_the_channels_are_found_by_name(load):
    assert load(json.dumps(["full_vit", *reversed(CHANNELS)])).channels == [2, 1]


@pytest.mark.parametrize(
    "content", ["[" * 100_000 + "]" * 100_000, "[" * 60 + "]" * 60, "{", "1", '["left_vit"]', "null"]
)
def test_a_wrong_list_of_channels_is_one_sentence(load, content):
    with pytest.raises(
        HandGesturesError, match=r"needs a list with the names of its channels, but .*; register"
    ) as error:
        load(content)
    assert "\n" not in str(error.value)
