"""The networks by name, and the description from which one is built again."""

import inspect
from typing import Any

from hand_gestures.classifier.base import GestureNetwork
from hand_gestures.classifier.bilstm import CNNBiLSTMWithAttention
from hand_gestures.classifier.probes import AttentiveProbe, LinearProbe
from hand_gestures.utils.errors import HandGesturesError

NETWORKS: dict[str, type[GestureNetwork]] = {
    "bilstm": CNNBiLSTMWithAttention,
    "attentive_probe": AttentiveProbe,
    "linear_probe": LinearProbe,
}


def describe_network(name: str, **sizes: Any) -> dict[str, Any]:
    """Describe a network so that `build_network` can build it.

    Args:
        name: a key of `NETWORKS`.
        sizes: sizes that any of the networks takes, such as `classes` or `hidden`; others are left out.

    Returns:
        The architecture of a bundle: `name`, and those of `sizes` that this network takes.
    """
    return {"name": name, **{size: sizes[size] for size in inspect.signature(NETWORKS[name]).parameters}}


def build_network(architecture: dict[str, Any]) -> GestureNetwork:
    """Build a network with new random weights.

    Args:
        architecture: as `describe_network` returns it.

    Raises:
        HandGesturesError: there is no network of that name, or it does not take these sizes.
    """
    sizes = {size: value for size, value in architecture.items() if size != "name"}
    name = architecture.get("name")
    try:
        return NETWORKS[name](**sizes)  # type: ignore[index]
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:300]
        raise HandGesturesError(
            f"the architecture of a model must be one of {', '.join(NETWORKS)} with its sizes, but it is {name!r} with "
            f"{str(sizes)[:300]} ({type(error).__name__}: {reason}); use the model.json that the training "
            "wrote, or train again with this version"
        ) from error
