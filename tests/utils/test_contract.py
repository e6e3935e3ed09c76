import pytest

from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.utils.contract import (
    CHANNELS_OF_SCHEMA_1,
    drawing_part,
    make_contract,
    make_hand_search,
    make_recipe,
    split_fingerprint,
)

MODELS = {
    "vit": {"sha256": "a", "preprocessing": {"size": 224}, "name": "owner/vit", "commit": None},
    "resnext": {"sha256": "b", "preprocessing": {"size": 224}, "name": "owner/resnext", "commit": "c"},
    "hands": {"sha256": "d", "name": "owner/hands"},
}
FINGERPRINT = {
    "models": MODELS,
    "clips": {"frames": 32, "size": 640},
    "augmentation": {"views": 3, "hue": 0.1, "mirrored_classes": {}},
    "mirrored_labels": {"fist": "fist"},
    "hands": {"enabled": True, "every": 8, "confidence": 0.25, "max_hands": 4},
    "precision": "float32",
    "storage": "float32",
    "seed": 42,
}


def test_files_of_schema_1_have_the_channels_of_today():
    assert CHANNELS_OF_SCHEMA_1 == CHANNEL_NAMES


def test_a_fingerprint_is_divided_into_what_is_written_today():
    contract, recipe, hand_search, provenance = split_fingerprint(FINGERPRINT)
    assert contract == make_contract(MODELS, FINGERPRINT["clips"], CHANNEL_NAMES, "float32", "float32")
    assert recipe == make_recipe({**FINGERPRINT["augmentation"], "seed": 42}, {"fist": "fist"})
    assert hand_search == make_hand_search("d", 640, range(0, 32, 8), 0.25, 4)
    assert provenance == {"models": MODELS}


def test_a_contract_holds_no_name_and_no_revision():
    renamed = {role: {**model, "name": "other", "commit": "e" * 40} for role, model in MODELS.items()}
    assert split_fingerprint({**FINGERPRINT, "models": renamed}).contract == split_fingerprint(FINGERPRINT).contract


@pytest.mark.parametrize("change", [{"views": 5}, {"mirrored_classes": {"fist": "fist"}}])
def test_numbers_of_views_and_labels_draw_no_other_view(change):
    recipe = make_recipe(FINGERPRINT["augmentation"], {"fist": "fist"})
    assert drawing_part(make_recipe(FINGERPRINT["augmentation"] | change, {})) == drawing_part(recipe)
    assert drawing_part(make_recipe(FINGERPRINT["augmentation"] | {"hue": 0.2}, {})) != drawing_part(recipe)


@pytest.mark.parametrize(
    "fingerprint",
    [
        {},
        {"models": 7, "clips": [], "augmentation": "x", "hands": None},
        {"models": {"vit": 3, "hands": []}, "clips": {"frames": 10**18}, "hands": {"every": 1, "enabled": True}},
        {"clips": {"frames": 32}, "hands": {"every": 0, "enabled": True}},
    ],
)
def test_any_fingerprint_can_be_divided(fingerprint):
    assert split_fingerprint(fingerprint).contract["backbones"]["vit"] == {"sha256": None, "preprocessing": None}
