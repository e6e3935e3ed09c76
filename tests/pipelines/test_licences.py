"""The licence of a pretrained model is documented and changes no embedding."""

from pathlib import Path

import yaml

from base_parameters import base_parameters
from hand_gestures.parameters import (
    AugmentationParameters,
    BackboneParameters,
    ClipParameters,
    ExtractionParameters,
    HandParameters,
    LandmarkParameters,
)
from hand_gestures.pipelines.feature_engineering.nodes import fetch_backbones, write_recipe
from tiny_project import BACKBONES, ROOT


def source(**changes):
    return {"revision": "main"} | changes


def recipe(licence):
    folder = ROOT / BACKBONES
    backbones = BackboneParameters(
        vit=source(name="owner/vit", path=str(folder / "vit"), licence=licence),
        resnext=source(name="owner/resnext", path=str(folder / "resnext"), licence=licence),
    )
    hands = base_parameters(HandParameters, name="owner/hands", path=str(folder / "yolo.pt"), licence=licence)
    extraction = base_parameters(ExtractionParameters, precision="float32")
    others = (base_parameters(ClipParameters), base_parameters(AugmentationParameters), hands, extraction)
    models = fetch_backbones(backbones, base_parameters(LandmarkParameters), hands, extraction, Path("unused"))
    return write_recipe(models, ["fist", "wave"], *others, seed=1)


def test_embeddings_do_not_depend_on_the_licences_of_the_models():
    one, other = recipe("Apache-2.0"), recipe("CC-BY-4.0")
    assert one == other
    assert "Apache-2.0" not in str(one)


def test_the_base_environment_names_a_licence_for_each_model():
    given = yaml.safe_load((ROOT / "conf/base/parameters_feature_engineering.yml").read_text())
    sources = [*given["backbones"].values(), given["hands"]]
    assert len(sources) == 3
    assert all("unknown" not in source["licence"] for source in sources)
