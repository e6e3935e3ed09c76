"""Where a classifier is right and where it is not: by class, by group, and what is taken for what."""

import numpy as np
import pandas as pd

CLASS_COLUMNS = [
    "class_name",
    "clips",
    "right",
    "accuracy",
    "precision",
    "recall",
    "f1",
    "most_frequent_mistake",
    "times_mistaken",
]
TRUE_CLASS = "true / predicted"  # no folder, and so no class, can be called so
GROUP_COLUMNS = ["group", "clips", "right", "accuracy"]


def per_class(predictions: pd.DataFrame, class_names: list[str]) -> pd.DataFrame:
    """Columns `CLASS_COLUMNS`, one row a class; NaN where no clip stands for a figure; empty without any. The accuracy
    of a class is its recall. Of mistakes that are equally frequent, the first class is named."""
    if predictions.empty:
        return pd.DataFrame(columns=CLASS_COLUMNS)
    counts = _count(predictions, class_names)
    clips, said, right = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    mistakes = counts - np.diag(right)
    recall = right / np.where(clips, clips, np.nan)
    names = np.array([*class_names, ""], object)
    table = pd.DataFrame(
        {
            "class_name": class_names,
            "clips": clips,
            "right": right,
            "accuracy": recall,
            "precision": right / np.where(said, said, np.nan),
            "recall": recall,
            "f1": np.where(clips, 2 * right / np.maximum(clips + said, 1), np.nan),
            "most_frequent_mistake": names[np.where(mistakes.any(axis=1), mistakes.argmax(axis=1), -1)],
            "times_mistaken": mistakes.max(axis=1),
        }
    )
    return table[CLASS_COLUMNS]


def per_group(predictions: pd.DataFrame) -> pd.DataFrame:
    """Columns `GROUP_COLUMNS`, the worst group first (of equals, the larger one); empty where no group holds more than
    one sequence, since nothing is known of groups then."""
    if predictions["group"].nunique() == predictions["sequence_id"].nunique():
        return pd.DataFrame(columns=GROUP_COLUMNS)
    table = predictions.groupby("group", as_index=False).agg(
        clips=("correct", "size"), right=("correct", "sum"), accuracy=("correct", "mean")
    )
    return table.sort_values(["accuracy", "clips", "group"], ascending=[True, False, True], ignore_index=True)


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Clips by true class (rows, named in the column `TRUE_CLASS`) and predicted class (columns), for the classes that
    occur in either."""
    names = sorted({*predictions["class_name"], *predictions["predicted"]})
    counts = pd.DataFrame(_count(predictions, names), columns=names)
    counts.insert(0, TRUE_CLASS, names)
    return counts


def _count(predictions: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Clips (K, K) by true and predicted class."""
    counts = np.zeros((len(names), len(names)), int)
    true, predicted = (pd.Categorical(predictions[column], names).codes for column in ("class_name", "predicted"))
    np.add.at(counts, (true, predicted), 1)
    return counts
