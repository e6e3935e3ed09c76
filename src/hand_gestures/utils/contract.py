"""The embedding contract: what a model must know about embeddings, so that it only reads those that it can understand.

Three descriptions of embeddings are kept apart (docs/adr/0026). The contract decides the numbers of every clean row.
The view recipe decides the augmented rows in addition. The provenance is for people and is never compared.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

CONTRACT_VERSION = 1  # raise it when the same weights and frames give other numbers
RECIPE_VERSION = 1  # raise it when the same augmentation, seed and frames give other views
BACKBONES = ("vit", "resnext")
LANDMARKS = ("sha256", "palm_sha256", "complexity", "search_every", "trim")
REGIONS = ("left", "right", "full")
# the channels of files of schema version 1, which do not name them in their fingerprint
CHANNELS_OF_SCHEMA_1 = (
    "left_vit", "right_vit", "left_resnext_1", "left_resnext_2", "left_resnext_3", "right_resnext_1",
    "right_resnext_2", "right_resnext_3", "full_vit", "full_resnext_1", "full_resnext_2", "full_resnext_3",
)  # fmt: skip
MAX_FRAMES = 4096  # of a clip, as in `store.file_check`
NOT_OF_VIEWS = ("views", "mirrored_classes")  # the number of views and the labels change no pixel


class Descriptions(NamedTuple):
    """What the fingerprint of schema version 1 held in one dictionary.

    Attributes:
        contract: see `make_contract`.
        recipe: see `make_recipe`.
        hand_search: see `make_hand_search`.
        provenance: names, revisions and checksums of the models.
    """

    contract: dict[str, Any]
    recipe: dict[str, Any]
    hand_search: dict[str, Any]
    provenance: dict[str, Any]


def make_contract(
    models: Mapping[str, Any],
    clips: Mapping[str, Any],
    channels: Iterable[str],
    precision: Any,
    storage: Any,
    *,
    landmark_features: int | None = None,
) -> dict[str, Any]:
    """Collect what decides the numbers of a clean row.

    Args:
        models: `sha256` of the weights and `preprocessing`, by role "vit" and "resnext"; for "landmarks" the two
            `sha256` and how hands are tracked; other content is ignored.
        clips: `frames` and `size` of a clip.
        channels: names of the channels, in their order.
        precision: number type of the backbones.
        storage: number type on disk.
        landmark_features: version of the features of hand landmarks.

    Returns:
        A dictionary that JSON returns unchanged.
    """
    # without landmarks both backbones are there; a file of schema version 1 may not know them
    roles = [role for role in BACKBONES if role in models or "landmarks" not in models]
    contract = {
        "version": CONTRACT_VERSION,
        "backbones": {
            role: {name: _part(models, role).get(name) for name in ("sha256", "preprocessing")} for role in roles
        },
        "frames": clips.get("frames"),
        "size": clips.get("size"),
        "regions": REGIONS,
        "channels": list(channels),
        "precision": precision,
        "storage": storage,
    }
    if "landmarks" in models:
        landmarks = _part(models, "landmarks")
        contract["landmarks"] = {name: landmarks.get(name) for name in LANDMARKS} | {"features": landmark_features}
    return json.loads(json.dumps(contract))


def make_recipe(augmentation: Mapping[str, Any], mirrored_labels: Mapping[str, str]) -> dict[str, Any]:
    """Collect what decides the augmented rows of a file and their labels.

    Args:
        augmentation: the parameters of this name, with their seed.
        mirrored_labels: class of the mirror image of each class.

    Returns:
        A dictionary that JSON can hold.
    """
    return {"version": RECIPE_VERSION, "augmentation": dict(augmentation), "mirrored_labels": dict(mirrored_labels)}


def drawing_part(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a view recipe that decides pixels: without the number of views, and without labels.

    Args:
        recipe: see `make_recipe`.

    Returns:
        Views of equal parts are equal, view by view.
    """
    augmentation = _part(recipe, "augmentation")
    return {
        "version": recipe.get("version"),
        "augmentation": {name: value for name, value in augmentation.items() if name not in NOT_OF_VIEWS},
    }


def make_hand_search(
    detector: Any, size: Any, steps: Iterable[int], confidence: Any, max_hands: Any, enabled: Any = True
) -> dict[str, Any]:
    """Collect what decides the hands of a row.

    Args:
        detector: sha256 of its weights.
        size: side of the frames, pixels.
        steps: the time steps that are searched.
        confidence: lowest score of a hand.
        max_hands: number of hands kept per frame.
        enabled: False for no search; then the number of hands alone counts, because it is a length in the file.

    Returns:
        A dictionary that JSON returns unchanged.
    """
    if not enabled:
        return {"steps": [], "max_hands": max_hands}
    return {
        "detector": detector,
        "size": size,
        "steps": list(steps),
        "confidence": confidence,
        "max_hands": max_hands,
    }


def split_fingerprint(fingerprint: Mapping[str, Any]) -> Descriptions:
    """Divide the fingerprint of a file or model of schema version 1.

    Args:
        fingerprint: as it was read; a part that is missing or of another type counts as unknown.

    Returns:
        The four descriptions, as they would be written today.
    """
    models, clips, hands = (_part(fingerprint, name) for name in ("models", "clips", "hands"))
    augmentation = {**_part(fingerprint, "augmentation"), "seed": fingerprint.get("seed")}
    frames, every = clips.get("frames"), hands.get("every")
    # the fingerprint may come from somebody else, who may name a billion frames
    counted = isinstance(frames, int) and isinstance(every, int) and every > 0 and frames <= MAX_FRAMES
    return Descriptions(
        make_contract(
            models, clips, CHANNELS_OF_SCHEMA_1, fingerprint.get("precision"), fingerprint.get("storage", "float32")
        ),
        make_recipe(augmentation, _part(fingerprint, "mirrored_labels")),
        make_hand_search(
            _part(models, "hands").get("sha256"),
            clips.get("size"),
            range(0, frames, every) if counted else (),  # type: ignore[arg-type]
            hands.get("confidence"),
            hands.get("max_hands"),
            hands.get("enabled"),
        ),
        {"models": models},
    )


def short_digest(description: Mapping[str, Any]) -> str:
    """A short name for a description.

    Args:
        description: what JSON can hold; the order of its keys does not matter.

    Returns:
        The first twelve hex digits of its sha256.
    """
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:12]


def _part(whole: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}
