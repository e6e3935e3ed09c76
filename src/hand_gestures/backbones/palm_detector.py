"""Find palms with MediaPipe's palm detector: letterboxed input, anchors, weighted non-maximum suppression."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from hand_gestures.backbones.model_files import ModelFiles, explain_load_errors

INPUT_SIZE = 192  # side of the square input, pixels
CELLS = ((24, 2), (12, 6))  # cells along a side and anchors per cell, of the strides 8 and 16
MIN_SCORE = 0.5
MIN_OVERLAP = 0.3  # palms of a larger intersection over union are one palm
SCORE_LIMIT = 100.0  # of the logits, so that exp cannot overflow
WRIST, MIDDLE_BASE = 0, 2  # of a palm's seven points


class Palms(NamedTuple):
    """The palms of one picture, the highest score first, in pixels of the picture.

    Attributes:
        boxes: float32 (k, 4), x0, y0, x1, y1; they may leave the picture.
        points: float32 (k, 7, 2); point 0 is the wrist, point 2 the base of the middle finger.
        scores: float32 (k,).
    """

    boxes: np.ndarray
    points: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Picture:
    """A stored frame, and the size that it had before it was squeezed into a square.

    Hands are found in the true proportions: a hand that is squeezed has another shape.

    Attributes:
        pixels: RGB uint8 (H, W, 3).
        width, height: size in which coordinates are given; any pair in the true proportions.

    Example:
        >>> Picture.of(frame, aspect=4 / 3).width  # a frame of 640 × 480 that is stored in 640 × 640
        853.33
    """

    pixels: np.ndarray
    width: float
    height: float

    @classmethod
    def of(cls, pixels: np.ndarray, aspect: float | None = None) -> "Picture":
        """A picture of the height of its pixels.

        Args:
            pixels: RGB uint8 (H, W, 3).
            aspect: width divided by height before the frame was squeezed; None where it was not.

        Returns:
            The picture.
        """
        height, width = pixels.shape[:2]
        return cls(pixels, width if aspect is None else height * aspect, height)

    def crop(self, centre: np.ndarray, side: float, rotation: float, size: int) -> np.ndarray:
        """Cut out a rotated square; black outside the picture.

        Args:
            centre: (2,), x and y.
            side: of the square.
            rotation: of the square, radians, clockwise.
            size: side of the result, pixels.

        Returns:
            float32 (1, size, size, 3) in 0..1.
        """
        cos, sin = np.cos(rotation) * side / size, np.sin(rotation) * side / size
        stretch = np.array([[self.pixels.shape[1] / self.width], [self.pixels.shape[0] / self.height]])
        turn = np.array([[cos, -sin], [sin, cos]])
        shift = np.reshape(centre, (2, 1)) - turn @ np.full((2, 1), size / 2)
        matrix = stretch * np.hstack([turn, shift])  # from a pixel of the result to a pixel of the frame
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self.pixels, matrix, (size, size), flags=flags)[None].astype(np.float32) / 255


class LiteModel:
    """A TensorFlow Lite model on one thread of the CPU.

    Args:
        what: what the model is, for messages.
        files: a `.tflite` file.

    Raises:
        ModelUnavailableError: it cannot be loaded.
    """

    def __init__(self, what: str, files: ModelFiles) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with explain_load_errors(what, files):
            # one thread: the calls are too small to share, and the result must not depend on the machine
            self._interpreter = Interpreter(str(files.weights_path), num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]

    def __call__(self, pixels: np.ndarray) -> list[np.ndarray]:
        """Run the model.

        Args:
            pixels: float32 (1, s, s, 3) in 0..1.

        Returns:
            All outputs, without the axis of the batch.
        """
        self._interpreter.set_tensor(self._input, pixels)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index)[0] for index in self._outputs]


class PalmDetector:
    """Finds palms in one picture.

    Args:
        files: "palm_detection" of `find_landmark_model`.

    Raises:
        ModelUnavailableError: the model cannot be loaded.

    Example:
        >>> palms = PalmDetector(find_landmark_model(folder, "palm_detection", "full"))(Picture.of(frame))
    """

    def __init__(self, files: ModelFiles) -> None:
        self._model = LiteModel("palm detector", files)
        self._anchors = _make_anchors()

    def __call__(self, picture: Picture) -> Palms:
        """Find the palms of a picture.

        Args:
            picture: in its true proportions.

        Returns:
            Its palms.
        """
        side = max(picture.width, picture.height)
        centre = np.array([picture.width, picture.height]) / 2
        raw, logits = self._model(picture.crop(centre, side, 0.0, INPUT_SIZE))  # (2016, 18), (2016, 1)
        scores = 1 / (1 + np.exp(-np.clip(logits[:, 0], -SCORE_LIMIT, SCORE_LIMIT)))
        kept = np.flatnonzero(scores >= MIN_SCORE)
        values = raw[kept].reshape(-1, 9, 2) / INPUT_SIZE  # centre, size and seven points
        values[:, 0] += self._anchors[kept]
        values[:, 2:] += self._anchors[kept, None]
        middle, half = values[:, :1], values[:, 1:2] / 2
        corners_and_points = np.concatenate([middle - half, middle + half, values[:, 2:]], axis=1)  # (k, 9, 2)
        merged, best = merge_overlapping(corners_and_points, scores[kept])
        pixels = ((merged - 0.5) * side + centre).astype(np.float32)
        return Palms(pixels[:, :2].reshape(-1, 4), pixels[:, 2:], best)


def merge_overlapping(shapes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted non-maximum suppression: overlapping boxes become their mean, weighted by score.

    Args:
        shapes: (n, 2 + p, 2); the first two points are corners of the box, the others are averaged with it.
        scores: (n,).

    Returns:
        Merged shapes (k, 2 + p, 2) and the highest score of each, float32 (k,), in falling order.
    """
    order = np.argsort(-scores, kind="stable")
    merged, best = [], []
    while len(order):
        boxes = shapes[order, :2]
        overlapping = _overlap(boxes[0], boxes) > MIN_OVERLAP
        overlapping[0] = True  # a box without area overlaps nothing
        members = order[overlapping]
        merged.append(np.average(shapes[members], axis=0, weights=scores[members]))
        best.append(scores[order[0]])
        order = order[~overlapping]
    return np.array(merged).reshape(-1, *shapes.shape[1:]), np.array(best, np.float32)


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (2, 2) and boxes (n, 2, 2)."""
    sides = np.minimum(box[1], boxes[:, 1]) - np.maximum(box[0], boxes[:, 0])
    shared = np.clip(sides, 0, None).prod(axis=1)
    areas = (boxes[:, 1] - boxes[:, 0]).prod(axis=1) + (box[1] - box[0]).prod() - shared
    return shared / np.maximum(areas, 1e-12)


def _make_anchors() -> np.ndarray:
    """float32 (2016, 2): centres of the anchors, row by row, in fractions of the input."""
    grids = []
    for cells, anchors in CELLS:
        y, x = np.mgrid[:cells, :cells]
        centres = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / cells
        grids.append(np.repeat(centres, anchors, axis=0))
    return np.concatenate(grids).astype(np.float32)
