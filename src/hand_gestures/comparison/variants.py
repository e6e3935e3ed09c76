"""What is compared: networks, and one network with fewer inputs. A trial is one variant trained with one seed.

This module does not import torch: Kedro imports it at every start to resolve the annotations of nodes.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

from hand_gestures.dataset.split_assignment import TRAIN, VAL
from hand_gestures.parameters import ComparisonParameters
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.selection import Embeddings, remaining_channels, select_channels, select_clean_views
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.rules import pluralise

logger = logging.getLogger(__name__)

NEAREST_NEIGHBOUR = "nearest_neighbour"  # by averaged pixels; not a network
RANDOM = ", random split"  # the end of the name of a variant on the random split


@dataclass(frozen=True)
class Variant:
    """One thing that is compared.

    Attributes:
        network: name of the network, or `NEAREST_NEIGHBOUR`.
        without: a channel, region or backbone that is left out of the input.
        views: number of views of each training clip; None uses all.
        split: "grouped" is the split of the project; "random" puts clips of one group into both train and val.

    Example:
        >>> Variant("bilstm", without="left", views=1).name
        'bilstm without left on 1 view'
    """

    network: str
    without: str | None = None
    views: int | None = None
    split: Literal["grouped", "random"] = "grouped"

    @property
    def name(self) -> str:
        """Name in tables and plots; the report finds variants by its parts."""
        without = f" without {self.without}" if self.without else ""
        views = f" on {pluralise(self.views, 'view')}" if self.views else ""
        return f"{self.network}{without}{views}{RANDOM * (self.split == 'random')}"

    @property
    def trained(self) -> bool:
        """Whether a network is trained; otherwise every seed gives the same result."""
        return self.network != NEAREST_NEIGHBOUR

    def embeddings(
        self,
        train_file: EmbeddingFile,
        val_file: EmbeddingFile,
        channel_names: Iterable[str],
        random_sides: Mapping[str, str],
    ) -> tuple[Embeddings, Embeddings]:
        """Select the rows and channels that this variant uses.

        Args:
            train_file: training clips of the grouped split, clean and augmented views.
            val_file: validation clips of the grouped split, clean views only.
            channel_names: the channels that variants may use.
            random_sides: sequence_id to its split in the random split. Clips that validate there may come from either
                file, so the random split uses clean views only.

        Returns:
            What to train on and what to validate on.
        """
        train: Embeddings = train_file
        val: Embeddings = val_file
        if self.split == "random":
            files = (train_file, val_file)
            train, val = (
                select_clean_views(files, {name for name, side in random_sides.items() if side == wanted})
                for wanted in (TRAIN, VAL)
            )
        kept = remaining_channels(list(channel_names), [self.without] if self.without else [])
        return select_channels(train, kept), select_channels(val, kept)


class Trial(NamedTuple):
    """One variant, trained with one seed and evaluated on its validation clips.

    Attributes:
        variant: what was trained.
        seed: the seed of the training.
        metrics: `COMPARED_METRICS` of trials.py and the accuracy of each class set, by name.
        parameters: number of trained parameters; None where nothing is trained.
        seconds: duration of the training; None where it was interrupted or nothing is trained.
        history: one dict per epoch, keys as in `EpochMetrics`, "epoch" among them.
        right: sequence_id to whether the prediction is correct.

    Example:
        >>> Trial(Variant("bilstm"), 1, {"accuracy": 0.9}, 100, 2.0, [], {}).name
        'bilstm, seed 1'
    """

    variant: Variant
    seed: int
    metrics: dict[str, float]
    parameters: int | None
    seconds: float | None
    history: list[dict[str, float]]
    right: dict[str, bool]

    @property
    def name(self) -> str:
        """Name of the trial, as in log lines and file names."""
        return trial_name(self.variant, self.seed)

    def described(self) -> dict[str, str]:
        """What distinguishes this trial from the others.

        Returns:
            A flat dict of strings, for an experiment tracker; what is None is left out.
        """
        description = asdict(self.variant) | {"seed": self.seed, "parameters": self.parameters}
        return {name: str(value) for name, value in description.items() if value is not None}


def trial_name(variant: Variant, seed: int) -> str:
    """Name of a trial.

    Args:
        variant: what is trained.
        seed: part of the name, unless every seed gives the same result.

    Returns:
        A name that is also the name of the file in which the trial is kept.
    """
    return f"{variant.name}, seed {seed}" if variant.trained else variant.name


def make_variants(
    network: str,
    comparison: ComparisonParameters,
    *,
    channel_names: Sequence[str],
    available_views: int,
    groups_known: bool,
) -> list[Variant]:
    """List what is compared: the network, other networks, nearest neighbour, fewer inputs, fewer views, a random split.

    Args:
        network: the network that is judged. It is the first variant, and all others are compared with it.
        comparison: which variants are wanted. Inputs whose removal changes nothing or leaves nothing, and numbers of
            views that are not fewer than the available ones, are skipped.
        channel_names: the channels that variants may use.
        available_views: views of each training clip.
        groups_known: without known groups, a random split is like the grouped one and is left out.

    Returns:
        Each variant once.
    """
    nearest = [Variant(NEAREST_NEIGHBOUR)] if comparison.nearest_neighbour else []
    variants = [
        Variant(network),
        *(Variant(name) for name in comparison.networks),
        *nearest,
        *(Variant(network, without=name) for name in comparison.leave_out if _changes_input(channel_names, name)),
        *(Variant(network, views=number) for number in comparison.views if number < available_views),
    ]
    if comparison.random_split and groups_known:
        # the random split has clean views only, so it is compared with the grouped split on clean views
        clean = 1 if available_views > 1 else None
        variants += [Variant(network, views=clean), Variant(network, views=clean, split="random")]
        variants += [Variant(NEAREST_NEIGHBOUR, split="random") for _ in nearest]
    return list(dict.fromkeys(variants))  # one view may be wanted twice: as fewer views, and beside the random split


def _changes_input(channel_names: Sequence[str], name: str) -> bool:
    """Whether channels are left without `name`, and fewer than before."""
    try:
        return remaining_channels(channel_names, [name]) != list(channel_names)
    except HandGesturesError as error:
        logger.warning("skipping the comparison without %s: %s", name, error)
        return False
