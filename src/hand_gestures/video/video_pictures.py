"""From decoded frames to pictures as a player shows them.

A decoder returns the stored pixels. Rotation, mirror, pixel shape, interlacing, transparency and the transfer curve of
HDR are declared beside them, and the player applies them. So does this module.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorPrimaries, ColorTrc, VideoReformatter

BACKGROUND = 128  # grey behind transparent pixels: a white and a black hand are both visible on it
HDR_CURVES = frozenset({ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67})  # PQ and HLG, ITU-R BT.2100
SDR_COLOURS = {"dst_color_trc": ColorTrc.IEC61966_2_1, "dst_color_primaries": ColorPrimaries.BT709}  # both: sRGB


class PictureConverter:
    """Converts the frames of one stream.

    HDR is converted to sRGB by FFmpeg's scaler: the reference white of 203 cd/m² (ITU-R BT.2408) becomes white, and
    brighter highlights are clipped.

    Args:
        pixel_aspect: width of a pixel divided by its height.

    Example:
        >>> PictureConverter(Fraction(1))(av.VideoFrame(64, 48, "yuv420p"), 32).shape
        (24, 32, 3)
    """

    def __init__(self, pixel_aspect: Fraction) -> None:
        self._pixel_aspect = pixel_aspect
        self._reformatter = VideoReformatter()  # keeps the tables of the HDR conversion, which take a second to make

    def __call__(self, frame: av.VideoFrame, longest_side: int | None) -> np.ndarray:
        """Convert one frame.

        Args:
            frame: as decoded.
            longest_side: a larger picture is reduced to it, pixels; None keeps the size.

        Returns:
            BGR uint8 (H, W, 3), upright.
        """
        width, height = display_size(frame.width, frame.height, self._pixel_aspect)
        scale = min(1.0, longest_side / max(width, height)) if longest_side else 1.0
        transparent = any(component.is_alpha for component in frame.format.components) or frame.format.has_palette
        converted = self._reformatter.reformat(
            frame,
            max(1, round(width * scale)),
            max(1, round(height * scale)),
            format="bgra" if transparent else "bgr24",
            interpolation="AREA",
            threads=1,
            **(SDR_COLOURS if frame.color_trc in HDR_CURVES else {}),
        )
        pixels = converted.to_ndarray()
        return _upright(on_background(pixels) if transparent else pixels, frame)


def display_size(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """Width and height of the picture in square pixels; no side becomes shorter.

    Args:
        width: stored pixels.
        height: stored pixels.
        pixel_aspect: width of a pixel divided by its height.
    """
    if pixel_aspect >= 1:
        return round(width * pixel_aspect), height
    return width, round(height / pixel_aspect)


def deinterlace(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Merge the two fields of interlaced frames.

    Args:
        frames: in order, with a time base.

    Yields:
        As many frames with the same time stamps. Progressive frames are passed on, unless an interlaced one came
        before; the filter then passes them on.
    """
    graph, shape = None, None
    for frame in frames:
        if graph is not None and shape != _shape(frame):
            yield from _filtered(graph, None)
            graph = None
        if graph is None and frame.interlaced_frame:
            graph, shape = _deinterlacer(frame), _shape(frame)
        if graph is None:
            yield frame
        else:
            yield from _filtered(graph, frame)
    if graph is not None:
        yield from _filtered(graph, None)


def on_background(pixels: np.ndarray) -> np.ndarray:
    """Put a transparent picture on the grey of `BACKGROUND`.

    Args:
        pixels: BGRA uint8 (H, W, 4).

    Returns:
        BGR uint8 (H, W, 3).
    """
    colour, alpha = pixels[..., :3], pixels[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return colour
    return ((colour * alpha + BACKGROUND * (255 - alpha) + 127) // 255).astype(np.uint8)


def _shape(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def _deinterlacer(frame: av.VideoFrame) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    merge = graph.add("bwdif", "mode=send_frame:deint=interlaced")  # one picture per frame; only flagged frames
    graph.link_nodes(source, merge, graph.add("buffersink")).configure()
    return graph


def _filtered(graph: av.filter.Graph, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
    """The frames that are ready after one more was put in; None ends the input."""
    graph.vpush(frame)
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):  # it waits for the next frame, or it is at the end
            return


def _upright(pixels: np.ndarray, frame: av.VideoFrame) -> np.ndarray:
    """Apply the display matrix, rounded to the nearest of the eight rotations and mirrors.

    The matrix of ISO/IEC 14496-12 maps stored to shown positions: x' = a x + c y, y' = b x + d y, with y downwards.
    """
    side_data: Any = frame.side_data  # PyAV's type hints know only some of its keys
    if Type.DISPLAYMATRIX not in side_data:
        return np.ascontiguousarray(pixels)
    a, b, _, c, d = struct.unpack("=5i", bytes(side_data[Type.DISPLAYMATRIX])[:20])
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, to_x, to_y = pixels.swapaxes(0, 1), c, b
    else:
        to_x, to_y = a, d
    return np.ascontiguousarray(pixels[:: -1 if to_y < 0 else 1, :: -1 if to_x < 0 else 1])
