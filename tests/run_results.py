"""Results of a small made-up run, as report and model card take them."""

import copy
from datetime import UTC, datetime

import pandas as pd

from hand_gestures.embedding.hand_tables import hand_rates
from hand_gestures.evaluation.tables import confusion, per_class, per_group
from hand_gestures.reporting.run_summary import RunResults, record_run

NAMES = ["fist", "wave"]
VALIDATION = {
    "accuracy": 0.75,
    "accuracy_low": 0.5,
    "accuracy_high": 0.875,
    "macro_f1": 0.7,
    "accuracy_direction_only": 0.6,
    "accuracy_with_hands": 1.0,
    "accuracy_without_hands": 0.5,
    "clips": 40,
    "classes": 2,
    "clips_without_hands": 4,
    "groups": 6,
    "worst_group": "anna",
    "worst_group_accuracy": 0.25,
    "worst_group_clips": 4,
}
TEST = {"accuracy": 0.5, "accuracy_low": 0.25, "accuracy_high": 0.75, "top5_accuracy": 0.9, "clips": 8, "classes": 2}
SIZES = {"sequences": 40, "groups": 6, "classes": 2}
LEAKS = {"held_out": 40, "copies": 0, "look_alikes": 0, "groups_on_both_sides": 0}
SPLIT = {
    "split": {"train": SIZES, "val": SIZES, "test": dict.fromkeys(SIZES, 0), "leaks": LEAKS},
    "random_split": {"train": SIZES, "val": SIZES, "test": SIZES, "leaks": LEAKS | {"look_alikes": 30}},
}
PARAMETERS = {
    "notice": None,
    "seed": 7,
    "network": {"name": "bilstm", "hidden": 64, "layers": 2},
    "channels": {"leave_out": []},
    "training": {"epochs": 3, "patience": None, "learning_rate": 0.004, "views": None, "device": "auto"},
    "evaluation": {"bootstrap_draws": 1000, "confidence_level": 0.9, "class_sets": {}},
    "registry": {"model": "hand_gestures"},
    "clips": {"frames": 32},
    "split": {
        "lists": "/home/anna/lists.csv",
        "group_pattern": r"^(\w+)",
        "val_fraction": 0.2,
        "test_fraction": 0.0,
    },
    "augmentation": {"views": 1},
    "extraction": {"precision": "auto"},
    "hands": {"enabled": True, "name": "owner/hands", "path": None, "licence": "CC-BY-4.0"},
    "backbones": {"vit": {"name": "owner/vit", "path": "/home/anna/models/vit", "licence": "Apache-2.0"}},
}
MODELS = {
    "vit": {"name": "vit", "commit": None, "revision": "main", "sha256": "a" * 64},
    "hands": {"name": "yolo.pt", "commit": None, "revision": None, "sha256": "b" * 64},
}
DESCRIPTIONS = {
    "contract": {"precision": "float32"},
    "recipe": {
        "augmentation": {"views": 3, "horizontal_flip": 1.0},
        "mirrored_labels": {"fist": "fist", "wave": "wave"},
    },
    "provenance": {"models": MODELS},
}
FILE = {
    "file": "x.h5",
    "rows": 80,
    "sequences": 40,
    "groups": 6,
    "shape": [80, 32, 12, 192],
    "digest": "0123456789ab",
    "rows_by_class": {"fist": 40, "wave": 40},
    "precision_error": {},
}
DECISION = {"decision": "registered", "sentence": "hand_gestures version 3 is the first champion: accuracy 0.750"}
HISTORY = pd.DataFrame({"epoch": [1, 2], "val_accuracy": [0.5, 0.75], "val_loss": [1.0, 0.9]})
FAITHFULNESS = pd.DataFrame({"axis": ["frames"], "removed": [8], "share": [0.25], "most_attended": [0.5], "clips": [9]})
PLOTS = (
    "curves_plot", "confusion_plot", "class_accuracy_plot", "group_accuracy_plot", "reliability_plot",
    "channel_attention_plot", "frame_attention_plot", "channel_map_plot", "frame_map_plot", "faithfulness_plot",
    "clip_lengths_plot", "class_balance_plot",
)  # fmt: skip
SHEETS = ("film_strips", "confused_pairs", "contact_sheets", "hand_sheets")


def record(epochs=2, tracked=None, **parameters):
    """The record of a training with these parameters changed."""
    tracked = {"name": "modeling", "id": "0123456789abcdef"} if tracked is None else tracked
    ended = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    return record_run(PARAMETERS | parameters, HISTORY.head(epochs), tracked, ended)


def answers(wrong=1, groups=("anna", "ben"), clips=4):
    """Predictions of `clips` clips of each class, where `wrong` fists are predicted as waves."""
    names = NAMES * clips
    table = pd.DataFrame({"class_name": names, "group": (list(groups) * 2 * clips)[: 2 * clips]})
    table["sequence_id"] = [f"{name}/{index}" for index, name in enumerate(names)]
    table["predicted"] = ["wave" if name == "fist" and index < 2 * wrong else name for index, name in enumerate(names)]
    return table.assign(correct=table["predicted"] == table["class_name"])


NO_ANSWERS = answers().head(0)


def described(**changes):
    """The description of an embeddings file; changes of contract, recipe and provenance are merged."""
    merged = {name: part | changes.pop(name, {}) for name, part in DESCRIPTIONS.items()}
    return copy.deepcopy(FILE | merged) | changes


def files(**changes):
    """The same description for training and validation."""
    return {"train": described(**changes), "validation": described(**changes)}


def rates(found=1.0, splits=("train", "val")):
    """Hand rates of two clips of each class in each split."""
    clips = [(split, f"{name}/{n}", name, found, 0.9) for split in splits for name in NAMES for n in (1, 2)]
    columns = ["split", "sequence_id", "class_name", "frames_with_hand", "mean_score"]
    return hand_rates(pd.DataFrame(clips, columns=columns))


def class_summary(names=("fist", "NA", "(all)"), **columns):
    """Contents of some classes."""
    rows = {
        "class_name": list(names), "clips": 4, "groups": 2, "frames": 130, "shortest": 20, "median": 31.5,
        "longest": 40, "repeating": 1, "repeated_frames": 9, "size": "320x240", "megabytes": 12.34, "train": 3,
        "val": 1, "test": 0, "left_out": 0, "rejected": 0,
    }  # fmt: skip
    return pd.DataFrame(rows | columns)


def mirror_audit(findings=("unchanged", "undecided"), looks_like=NAMES, mirrored_classes=("", ""), names=NAMES):
    """The table of a mirror audit of two classes."""
    columns = {
        "class_name": list(names), "clips": 12, "groups": 6, "finding": list(findings), "looks_like": list(looks_like),
        "share": 0.75, "compared_with": list(names)[::-1], "log_ratio": 4.25, "log_ratio_low": 2.5,
        "clean_log_ratio_low": 3.0, "mirrored_classes": list(mirrored_classes),
        "reason": ["the evidence is weak" if finding == "undecided" else "" for finding in findings],
    }  # fmt: skip
    return pd.DataFrame(columns)


def run_results(validation=None, test=None, **changes):
    """Results with the tables of these predictions; `changes` replace fields."""
    validation = answers() if validation is None else validation
    test = NO_ANSWERS if test is None else test
    fields = {
        "run_record": record(),
        "registry_decision": DECISION,
        "embeddings_description": files(),
        "split_summary": SPLIT,
        "evaluation": VALIDATION,
        "test_evaluation": {},
        "per_class": per_class(validation, NAMES),
        "test_per_class": per_class(test, NAMES),
        "per_group": per_group(validation),
        "test_per_group": per_group(test),
        "confusion": confusion(validation),
        "faithfulness": FAITHFULNESS,
        "class_summary": class_summary(),
        "hand_rates": rates(),
        "mirror_audit": mirror_audit(),
    }
    return RunResults(**(fields | changes))
