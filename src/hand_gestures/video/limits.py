"""The largest pictures and videos that are read.

What exceeds a limit is rejected by its header, before it takes memory: a file of 74 bytes can declare a picture of
40,000 x 40,000 pixels.
"""

MAX_PIXELS = 80_000_000  # of a picture or a frame; 240 MB decoded, and Pillow warns from 89 million on
MAX_SIDE = 20_000  # pixels; longer than any camera's, and 8K video is 7,680
MAX_ASPECT = 20  # long side to short side; a wider picture is a strip or a damaged header
MAX_IMAGE_BYTES = 500_000_000  # an uncompressed picture of 80 million pixels, 16 bits per value, is smaller
MAX_VIDEO_BYTES = 100_000_000_000  # six hours at 35 Mbit/s
MAX_VIDEO_SECONDS = 6 * 3600  # longer than any recording session; time stamps beyond it are damaged
MAX_VIDEO_FRAMES = 2_000_000  # six hours at 90 frames per second


def size_fault(width: int, height: int) -> str | None:
    """Compare the size of a picture with the limits.

    Args:
        width: pixels.
        height: pixels.

    Returns:
        The limit that is exceeded, with the value, or None.
    """
    short, long = (width, height) if width < height else (height, width)
    if long > MAX_SIDE:
        rule = f"at most {MAX_SIDE} pixels per side"
    elif width * height > MAX_PIXELS:
        rule = f"at most {MAX_PIXELS} pixels"
    elif long > MAX_ASPECT * short:
        rule = f"the long side at most {MAX_ASPECT} times the short side"
    else:
        return None
    return f"picture of {width} x {height} pixels, allowed: {rule}"
