"""Tables of correct and wrong predictions: by class, by group, and the confusion matrix."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from hand_gestures.utils.rules import groups_known

RATES = ["accuracy", "precision", "recall", "f1"]
CLASS_COLUMNS = ["class_name", "clips", "right", *RATES, "most_frequent_mistake", "times_mistaken"]
TRUE_CLASS = "true / predicted"  # the slash: no folder, and so no class, can have this name
OTHER_CLASSES = "all / other"  # column for the classes that a confusion matrix leaves out
MAX_CONFUSED = 2000  # classes of a confusion matrix: more would fill gigabytes
MISTAKE_COLUMNS = ["class_name", "predicted", "clips"]
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
    clips = predictions["class_name"].value_counts().reindex(class_names, fill_value=0).to_numpy()
    right = predictions.loc[true == predicted, "class_name"]
    correct = right.value_counts().reindex(class_names, fill_value=0).to_numpy()
    # the first of equally frequent mistakes in the order of the classes
    mistakes = mistaken_pairs(predictions)
    mistakes = mistakes.assign(order=pd.Categorical(mistakes["predicted"], class_names).codes)
    mistakes = mistakes.sort_values(["clips", "order"], ascending=[False, True])
    worst = mistakes.drop_duplicates("class_name").set_index("class_name").reindex(class_names)
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
            "most_frequent_mistake": worst["predicted"].fillna("").to_numpy(object),
            "times_mistaken": worst["clips"].fillna(0).to_numpy(int),
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


def mistaken_pairs(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count the mistakes of each kind.

    Args:
        predictions: one row per clip with `class_name` and `predicted`.

    Returns:
        `MISTAKE_COLUMNS`, one row per true class and other class that was predicted, the most frequent mistake first,
        then by name.
    """
    wrong = predictions[predictions["class_name"] != predictions["predicted"]]
    pairs = wrong.groupby(MISTAKE_COLUMNS[:2]).size().rename("clips").reset_index()
    return pairs.sort_values(["clips", *MISTAKE_COLUMNS[:2]], ascending=[False, True, True], ignore_index=True)


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count the clips of each pair of true and predicted class.

    Args:
        predictions: one row per clip with `class_name` and `predicted`.

    Returns:
        One row per true class, named in the column `TRUE_CLASS`, and one column per predicted class, both sorted; only
        classes that occur as either. Of more than `MAX_CONFUSED` classes only those with the most frequent mistakes;
        the column `OTHER_CLASSES` counts the clips that were predicted as another class then. Without predictions
        there is no row and only the column `TRUE_CLASS`.
    """
    occurring = sorted({*predictions["class_name"], *predictions["predicted"]})
    names = most_confused(mistaken_pairs(predictions), occurring, MAX_CONFUSED)
    clips = predictions[predictions["class_name"].isin(names)]
    # scikit-learn's confusion_matrix refuses no clips at all and warns of a single class
    true, predicted = (pd.Categorical(clips[column], names).codes for column in ("class_name", "predicted"))
    counts = np.zeros((len(names), len(names) + 1), int)
    np.add.at(counts, (true, predicted), 1)  # the code of other classes is -1: the last column
    table = pd.DataFrame(counts, columns=[*names, OTHER_CLASSES])
    if len(names) == len(occurring):
        table = table.drop(columns=OTHER_CLASSES)
    table.insert(0, TRUE_CLASS, names)
    return table


def most_confused(pairs: pd.DataFrame, names: list[str], most: int) -> list[str]:
    """The classes with the most frequent mistakes.

    Args:
        pairs: as `mistaken_pairs` returns them.
        names: all classes.
        most: number of classes that are wanted.

    Returns:
        At most so many of the names, in their order; classes without mistakes are the last ones to be chosen.
    """
    if len(names) <= most:
        return names
    ranked = dict.fromkeys([*pairs[MISTAKE_COLUMNS[:2]].to_numpy().ravel(), *names])
    chosen = set(list(ranked)[:most])
    return [name for name in names if name in chosen]
