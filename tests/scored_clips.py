"""Tables of scored clips, and their frames as pictures of one colour each."""

import numpy as np
import pandas as pd
from PIL import Image

FRAMES = 32


def scored(outcomes, folder=None, size=(64, 48)):
    """Make the tables `sequences`, `predictions` and `attention` of clips of three performers.

    Args:
        outcomes: (true class, predicted class, confidence) of each clip.
        folder: where the frames of all clips are written; None writes none.
        size: width and height of a frame.
    """
    ids = [f"{true}/v{number}" for number, (true, _, _) in enumerate(outcomes)]
    names = [[f"v{number}-{frame}.png" for frame in range(FRAMES)] for number in range(len(outcomes))]
    predictions = pd.DataFrame(outcomes, columns=["class_name", "predicted", "confidence"]).assign(
        sequence_id=ids, view=0, group=[f"person{number % 3}" for number in range(len(outcomes))]
    )
    predictions["correct"] = predictions["class_name"] == predictions["predicted"]
    sequences = predictions[["sequence_id", "class_name", "group"]].assign(
        video_id=[f"v{number}" for number in range(len(outcomes))], frames=names
    )
    weights = np.full((len(outcomes), FRAMES), 0.5 / (FRAMES - 1))
    weights[:, 17] = 0.5
    attention = predictions[["sequence_id", "view"]].assign(frame_weights=list(weights))
    for number, clip_names in enumerate(names if folder else []):
        for frame, name in enumerate(clip_names):
            Image.new("RGB", size, colour_of(number, frame)).save(folder / name)
    return sequences, predictions, attention


def colour_of(clip, frame):
    return (5 * frame + 50, 60 * clip % 250, 200)
