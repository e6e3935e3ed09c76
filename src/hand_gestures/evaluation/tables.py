"""Tables of correct and wrong predictions: by class, by group, and the confusion matrix."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from hand_gestures.utils.rules import groups_known

RATES = ["accuracy", "precision", "recall", "f1"]
CLASS_COLUMNS = ["class_name", "clips", "right", *RATES, "most_frequent_mistake", "times_mistaken"]
TRUE_CLASS = "true / predicted"  # the slash: no folder, and so no class, can have this name
GROUP_COLUMNS = ["group", "clips", "right", "accuracy"]


def per_class(predictions: pd.DataFrame, class_names: list[str]) -> pd.DataFrame:
    """Count and rate the predictions of each class.

    Args:
        predictions: one row per clip with `class_name` and `predicted`, as `evaluate_classifier` gives them.
        class_names: all classes of the model.

    Returns:
        `CLASS_COLUMNS`, one row per class in the order of `class_names`; empty without predictions. `accuracy` is the
        recall. `precision` is NaN for a class that was never predicted; `accuracy`, `recall` and `f1` are NaN for a
        class without clips. `most_frequent_mistake` is the first of equally frequent ones, "" where there is none.
    """
    if predictions.empty:
        return pd.DataFrame(columns=CLASS_COLUMNS)
    # a class that never occurs has no rate: NaN, where scikit-learn's default is 0
    true, predicted = (predictions[column].to_numpy(object) for column in ("class_name", "predicted"))
    precision, recall, f1, _ = precision_recall_fscore_support(
        true, predicted, labels=class_names, zero_division=np.nan
    )
    counts = _count_pairs(predictions, class_names)
    clips, correct = counts.sum(axis=1), counts.diagonal()  # scikit-learn's counts are floats if nothing is correct
    mistakes = counts - np.diag(correct)
    names_or_none = np.array([*class_names, ""], object)  # index -1 is no class
    return pd.DataFrame(
        {
            "class_name": class_names,
            "clips": clips,
            "right": correct,
            "accuracy": recall,
            "precision": precision,
            "recall": recall,
            # scikit-learn gives 0 to a class that has no clips but was predicted
            "f1": np.where(clips > 0, f1, np.nan),
            "most_frequent_mistake": names_or_none[np.where(mistakes.any(axis=1), mistakes.argmax(axis=1), -1)],
            "times_mistaken": mistakes.max(axis=1),
        },
        columns=CLASS_COLUMNS,
    )


def per_group(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count the correct predictions of each group.

    Args:
        predictions: one row per clip with `sequence_id`, `group` and `correct`.

    Returns:
        `GROUP_COLUMNS`, one row per group, the worst first, then the larger one, then by name; empty where no groups
        are known (`groups_known`).
    """
    if not groups_known(predictions["sequence_id"], predictions["group"]):
        return pd.DataFrame(columns=GROUP_COLUMNS)
    table = predictions.groupby("group", as_index=False).agg(
        clips=("correct", "size"), right=("correct", "sum"), accuracy=("correct", "mean")
    )
    return table.sort_values(["accuracy", "clips", "group"], ascending=[True, False, True], ignore_index=True)


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count the clips of each pair of true and predicted class.

    Args:
        predictions: one row per clip with `class_name` and `predicted`.

    Returns:
        One row per true class, named in the column `TRUE_CLASS`, and one column per predicted class, both sorted; only
        classes that occur as either. Without predictions there is no row and only the column `TRUE_CLASS`.
    """
    names = sorted({*predictions["class_name"], *predictions["predicted"]})
    table = pd.DataFrame(_count_pairs(predictions, names), columns=names)
    table.insert(0, TRUE_CLASS, names)
    return table


def _count_pairs(predictions: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Clips, int (K, K), by true and predicted class."""
    # scikit-learn's confusion_matrix refuses no clips at all and warns of a single class
    counts = pd.crosstab(predictions["class_name"], predictions["predicted"])
    return counts.reindex(index=names, columns=names, fill_value=0).to_numpy()
