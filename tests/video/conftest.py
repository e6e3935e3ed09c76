"""Small real pictures on disk."""

from small_frames import encode, frames_dir, two_classes, write_frame  # noqa: F401
