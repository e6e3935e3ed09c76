"""What is compared: networks, and one of them with fewer inputs."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hand_gestures.dataset.split_assignment import TRAIN, VAL
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.selection import Embeddings, remaining_channels, select_channels, select_clean_views
from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)

NEAREST_NEIGHBOUR = "nearest_neighbour"  # of averaged pixels: no network, nothing is drawn at random
RANDOM = ", random split"  # ends the name of a variant on it


@dataclass(frozen=True)
class Variant:
    """One thing that is compared.

    Attributes:
        network: its name, or `NEAREST_NEIGHBOUR`.
        without: a channel, region or backbone that it does not see.
        views: of each training clip; None takes all.
        split: "random" puts clips of one group on both sides.
    """

    network: str
    without: str | None = None
    views: int | None = None
    split: Literal["grouped", "random"] = "grouped"

    @property
    def name(self) -> str:
        """`bilstm without left`."""
        without = f" without {self.without}" if self.without else ""
        views = f" on {self.views} view{'s' * (self.views > 1)}" if self.views else ""
        return f"{self.network}{without}{views}{RANDOM * (self.split == 'random')}"

    def embeddings(
        self,
        train_file: EmbeddingFile,
        val_file: EmbeddingFile,
        channel_names: Iterable[str],
        random_sides: Mapping[str, str],
    ) -> tuple[Embeddings, Embeddings]:
        """What it is trained and validated on.

        Args:
            train_file, val_file: of the grouped split; there are augmented views of the clips that train there alone.
            channel_names: those that all variants see at most.
            random_sides: side of each sequence_id in the random split, which has clean views only.
        """
        train: Embeddings = train_file
        val: Embeddings = val_file
        if self.split == "random":
            files = (train_file, val_file)
            train, val = (
                select_clean_views(files, {name for name, side in random_sides.items() if side == wanted})
                for wanted in (TRAIN, VAL)
            )
        chosen = remaining_channels(list(channel_names), [self.without] if self.without else [])
        return select_channels(train, chosen), select_channels(val, chosen)


def make_variants(
    network: str,
    others: Sequence[str],
    *,
    without: Sequence[str],
    views: Sequence[int],
    pixels: bool,
    random_split: bool,
    channel_names: Sequence[str],
    views_there: int,
) -> list[Variant]:
    """The network, the others, nearest neighbour; then the network without each of some inputs, on fewer views, and on
    a random split. Each once; the first is what the others are compared with.

    Args:
        network: the one that is judged.
        others: what it is judged by.
        without: channels, regions or backbones, each left out alone; what would leave nothing or change nothing is
            passed over.
        views: numbers of views; as many as there are or more are passed over.
        pixels: whether nearest neighbour takes part.
        random_split: whether network and nearest neighbour are tried on it, beside the same clean views grouped.
        channel_names: all channels.
        views_there: of each training clip.
    """
    one_view = 1 if views_there > 1 else None
    fewer = [number for number in views if number < views_there]
    variants = [
        Variant(network),
        *(Variant(name) for name in others),
        *([Variant(NEAREST_NEIGHBOUR)] if pixels else []),
        *(Variant(network, without=name) for name in without if _leaves_some(channel_names, name)),
        *(Variant(network, views=number) for number in fewer),
    ]
    if random_split:
        variants += [Variant(network, views=one_view), Variant(network, views=one_view, split="random")]
        variants += [Variant(NEAREST_NEIGHBOUR, split="random")] if pixels else []
    return list(dict.fromkeys(variants))


def _leaves_some(channel_names: Sequence[str], name: str) -> bool:
    try:
        return remaining_channels(channel_names, [name]) != list(channel_names)
    except HandGesturesError as error:
        logger.warning("a comparison without %s is passed over: %s", name, error)
        return False
