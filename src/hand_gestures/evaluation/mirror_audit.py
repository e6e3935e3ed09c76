"""Which class does the mirror image of each class look like? A check of the labels of mirrored views, before training.

A model is trained on clean views and predicts views that are mirrored, always of groups that it was not trained on. If
it predicts mirrored clips of class A as B and mirrored clips of B as A, the two classes change places in a mirror, in
whatever language they are named.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from hand_gestures.augmentation import in_both_directions, mirrored_rows_of_schema_1
from hand_gestures.evaluation.evaluate import groups_of_rows
from hand_gestures.evaluation.mirror_findings import SWAP, UNCHANGED, UNDECIDED
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.rules import evenly_spaced

SEGMENTS = 4  # the order of frames enters as means of so many parts of a clip; a mean of the whole clip is blind to it
MAX_CLIPS = 100  # clips per class that are read: time and memory do not grow with the data set
BASIS_CLIPS = 384  # clips that decide the principal components; all their features are in memory at once
COMPONENTS = 100  # principal components that the model sees
REGULARISATION = 0.1  # `C` of the logistic regression
FOLDS = 4
MIN_CLIPS = 8  # with fewer clips or groups of a class, its rows are too little evidence
MIN_GROUPS = 4
STANDARD_ERRORS = 3  # a log-likelihood ratio counts if it is so many standard errors above zero
COLUMNS = [
    "class_name", "clips", "groups", "finding", "looks_like", "share", "compared_with", "log_ratio", "log_ratio_low",
    "clean_log_ratio_low", "mirrored_classes", "reason",
]  # fmt: skip


def audit_mirrors(file: EmbeddingFile, groups: Mapping[str, str], mirrored_classes: Mapping[str, str]) -> pd.DataFrame:
    """Compare the mirrored views of each class with the clean views of all classes.

    The labels of the mirrored views in the file are not used: they are what is checked.

    Args:
        file: training embeddings with augmented views.
        groups: group by sequence_id; whole groups are predicted by a model that did not see them.
        mirrored_classes: `augmentation.mirrored_classes`, one direction is enough.

    Returns:
        `COLUMNS`, one row per class in the order of the file. `finding` is "swap" (with the class `looks_like`),
        "unchanged" or "undecided", with a `reason`. `looks_like` is the class with the largest mean log-likelihood of
        the mirrored views, `share` the fraction of views predicted as it. `log_ratio` is the mean log-likelihood of
        `looks_like` minus that of `compared_with`: of the class itself or, if the class looks like itself, of the
        next class. `log_ratio_low` is `STANDARD_ERRORS` standard errors over groups lower. `clean_log_ratio_low` is
        the same limit for clean views and the class itself against the other of the two: it is below zero for classes
        that the model cannot distinguish. `mirrored_classes` is the class that this setting names; "" if it was
        never set, neither now nor when the file was written.

    Raises:
        HandGesturesError: a sequence of the file is missing in `groups`, or the labels of its mirrored views
            disagree with `mirrored_classes`.
    """
    names = list(file.header.class_names)
    clips = _collect(file, groups)
    decided = _decided_classes(file, mirrored_classes) if len(clips) else {}
    by_class = clips.groupby("label")["group"]
    counts = pd.DataFrame({"clips": by_class.size(), "groups": by_class.nunique()}, index=range(len(names)))
    counts = counts.fillna(0).astype(int)
    enough = counts.index[(counts["clips"] >= MIN_CLIPS) & (counts["groups"] >= MIN_GROUPS)].tolist()
    comparisons: dict[int, dict[str, Any]] = {}
    if len(enough) >= 2:
        clips = clips[clips["label"].isin(enough)].reset_index(drop=True)
        scores = _log_likelihoods(file, clips, len(names))
        comparisons = {label: _compare(label, clips, *scores) for label in enough}
    table = pd.DataFrame([comparisons.get(label, {}) for label in counts.index], columns=COLUMNS)
    for column in ("looks_like", "compared_with"):
        table[column] = [names[row[column]] if (row := comparisons.get(label)) else "" for label in counts.index]
    table[["clips", "groups"]] = counts
    table["class_name"] = names
    table["finding"] = [_finding(label, comparisons) for label in counts.index]
    table["mirrored_classes"] = [decided.get(name, "") for name in names]
    sizes = zip(counts["clips"], counts["groups"], counts.index, strict=True)
    table["reason"] = [_reason(size, group_count, label in comparisons) for size, group_count, label in sizes]
    table.loc[table["finding"] != UNDECIDED, "reason"] = ""
    return table


def _decided_classes(file: EmbeddingFile, mirrored_classes: Mapping[str, str]) -> dict[str, str]:
    """Mirror class of each class for which the user decided it: when the file was written, or now.

    A class may also be mapped to itself after the file was written: that changes no label.
    """
    recipe = file.header.recipe
    labels, wanted = recipe["mirrored_labels"], in_both_directions(mirrored_classes)
    for name, mirror in wanted.items():
        if labels.get(name, mirror) != mirror:
            raise HandGesturesError(
                f"mirrored views have the label that augmentation.mirrored_classes names, but it turns '{name}' into "
                f"'{mirror}' now, and {file.path} was written when it was '{labels[name]}'; run feature_engineering "
                "again, which changes the labels and embeds nothing"
            )
    return in_both_directions(recipe["augmentation"]["mirrored_classes"]) | wanted


def _finding(label: int, comparisons: Mapping[int, Mapping[str, Any]]) -> str:
    """A swap needs evidence in both directions, and that the model can distinguish the two classes."""
    if label not in comparisons:
        return UNDECIDED
    other = comparisons[label]["looks_like"]
    both = (comparisons[label], comparisons[other])
    if any(not row["log_ratio_low"] > 0 for row in both):  # NaN: the low end is unknown
        return UNDECIDED
    if other == label:
        return UNCHANGED
    mutual = comparisons[other]["looks_like"] == label
    return SWAP if mutual and all(row["clean_log_ratio_low"] > 0 for row in both) else UNDECIDED


def _reason(clips: int, groups: int, compared: bool) -> str:
    if compared:
        return "the evidence is weak"
    if not clips:
        return "no clip has a mirrored view"
    if clips < MIN_CLIPS or groups < MIN_GROUPS:
        return f"fewer than {MIN_CLIPS} clips or {MIN_GROUPS} groups with a mirrored view"
    return "no other class has enough clips"


def _collect(file: EmbeddingFile, groups: Mapping[str, str]) -> pd.DataFrame:
    """The sequences that are compared: `label`, `group`, and the rows of a `clean` and a `mirrored` view.

    At most `MAX_CLIPS` of each class, evenly spaced over the file, so that many groups take part.
    """
    rows = pd.DataFrame({"sequence_id": file.sequence_ids, "view": file.views, "label": file.labels})
    rows = rows.assign(group=groups_of_rows(file, groups), row=np.arange(len(rows)))
    clean = rows[rows["view"] == 0].set_index("sequence_id")
    augmented = rows[rows["view"] > 0]
    augmented = augmented[_mirrored(file)[augmented["row"]]]
    # one view per clip: more views of a clip are no more evidence
    first = augmented.drop_duplicates("sequence_id").set_index("sequence_id")["row"]
    both = clean.assign(mirrored=first).dropna(subset="mirrored")
    both = both.rename(columns={"row": "clean"}).astype({"mirrored": int})[["label", "group", "clean", "mirrored"]]
    chosen = [part.iloc[evenly_spaced(len(part), MAX_CLIPS)] for _, part in both.groupby("label")]
    return pd.concat(chosen, ignore_index=True) if chosen else both.reset_index(drop=True)


def _mirrored(file: EmbeddingFile) -> np.ndarray:
    """Whether each row is a mirror image, bool (N,)."""
    if file.mirrored is not None:
        return file.mirrored
    return mirrored_rows_of_schema_1(file.header.recipe["augmentation"], file.sequence_ids, file.views.tolist())


def _log_likelihoods(file: EmbeddingFile, clips: pd.DataFrame, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Log-probability of each class for clean and mirrored views, by a model without the group of the clip.

    Returns:
        Two float arrays (n, classes); NaN where no clip of a class was in the training of a fold.
    """
    basis = _fit_basis(file, clips)
    clean, mirrored = (_project(file, clips[view], basis) for view in ("clean", "mirrored"))
    labels, groups = clips["label"].to_numpy(), clips["group"].to_numpy(object)
    clean_scores, mirrored_scores = (np.full((len(clips), classes), np.nan) for _ in range(2))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # a class may lack clips in a fold
        folds = list(StratifiedGroupKFold(min(FOLDS, len(set(groups)))).split(clean, labels, groups))
    for trained, held_out in folds:
        # balanced: otherwise the evidence would favour the frequent classes
        model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=1000)
        model.fit(clean[trained], labels[trained])
        cells = np.ix_(held_out, model.classes_)
        clean_scores[cells] = model.predict_log_proba(clean[held_out])
        mirrored_scores[cells] = model.predict_log_proba(mirrored[held_out])
    return clean_scores, mirrored_scores


def _fit_basis(file: EmbeddingFile, clips: pd.DataFrame) -> Pipeline:
    """Standardisation and principal components of clean views; they know no labels, so one basis serves all folds."""
    rows = clips["clean"].to_numpy()[evenly_spaced(len(clips), BASIS_CLIPS)]
    features = np.stack(list(_features(file, rows)))
    components = PCA(min(COMPONENTS, len(rows) - 1), svd_solver="full")
    return make_pipeline(StandardScaler(copy=False), components).fit(features)


def _project(file: EmbeddingFile, rows: pd.Series, basis: Pipeline) -> np.ndarray:
    return np.concatenate([basis.transform(clip[None]) for clip in _features(file, rows.to_numpy())])


def _features(file: EmbeddingFile, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Each clip as its mean over time, and the means of `SEGMENTS` parts minus that mean: how it looks and moves."""
    read, clip = file.reader(), np.empty(file.header.shape[1:], np.float32)
    for row in rows:
        read(int(row), clip)
        mean = clip.mean(axis=0)
        parts = [part.mean(axis=0) - mean for part in np.array_split(clip, min(SEGMENTS, len(clip)))]
        yield np.stack([mean, *parts]).ravel()


def _compare(label: int, clips: pd.DataFrame, clean: np.ndarray, mirrored: np.ndarray) -> dict[str, Any]:
    """What the mirrored views of a class look like; classes are indices."""
    mine = (clips["label"] == label).to_numpy()
    clean, mirrored, groups = clean[mine], mirrored[mine], clips["group"].to_numpy(object)[mine]
    known = ~np.isnan(mirrored)
    means = np.where(known.any(axis=0), np.nansum(mirrored, axis=0) / np.maximum(known.sum(axis=0), 1), -np.inf)
    first, second = np.argsort(-means, kind="stable")[:2].tolist()
    other = second if first == label else first
    compared_with = second if first == label else label
    ratio, low = _mean_and_low(mirrored[:, first] - mirrored[:, compared_with], groups)
    _, clean_low = _mean_and_low(clean[:, label] - clean[:, other], groups)
    predicted = np.where(known, mirrored, -np.inf).argmax(axis=1)
    return {
        "looks_like": first,
        "share": round(float((predicted == first).mean()), 4),
        "compared_with": compared_with,
        "log_ratio": ratio,
        "log_ratio_low": low,
        "clean_log_ratio_low": clean_low,
    }


def _mean_and_low(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Mean over groups, and the same minus `STANDARD_ERRORS` standard errors; NaN with fewer than two groups."""
    by_group = pd.Series(values, dtype=float).groupby(groups).mean().dropna().to_numpy()
    if len(by_group) < 2:
        return np.nan, np.nan
    mean, error = float(by_group.mean()), float(by_group.std(ddof=1) / np.sqrt(len(by_group)))
    return round(mean, 4), round(mean - STANDARD_ERRORS * error, 4)
