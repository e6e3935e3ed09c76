"""Clips that were scored: their tables, and real frames of one colour each."""

import numpy as np
import pandas as pd
from PIL import Image

FRAMES = 32


def scored(answers, folder=None, size=(64, 48)):
    """Tables `sequences`, `predictions` and `attention` of clips told as (true, predicted, confidence), by performers
    in turn; the frames of each are written to the folder, if one is given."""
    ids = [f"{true}/v{number}" for number, (true, _, _) in enumerate(answers)]
    names = [[f"v{number}-{frame}.png" for frame in range(FRAMES)] for number in range(len(answers))]
    predictions = pd.DataFrame(answers, columns=["class_name", "predicted", "confidence"]).assign(
        sequence_id=ids, view=0, group=[f"person{number % 3}" for number in range(len(answers))]
    )
    predictions["correct"] = predictions["class_name"] == predictions["predicted"]
    sequences = predictions[["sequence_id", "class_name", "group"]].assign(
        video_id=[f"v{number}" for number in range(len(answers))], frames=names
    )
    weights = np.full((len(answers), FRAMES), 0.5 / (FRAMES - 1))
    weights[:, 17] = 0.5
    attention = predictions[["sequence_id", "view"]].assign(frame_weights=list(weights))
    for number, of_clip in enumerate(names if folder else []):
        for frame, name in enumerate(of_clip):
            Image.new("RGB", size, colour_of(number, frame)).save(folder / name)
    return sequences, predictions, attention


def colour_of(clip, frame):
    return (5 * frame + 50, 60 * clip % 250, 200)
