"""Small backbones in their real formats, and a guard that keeps these tests on the loopback interface."""

from small_backbones import (  # noqa: F401
    hagrid_file,
    hagrid_network,
    hub,
    only_loopback,
    resnext,
    resnext_folder,
    vit_folder,
    yolo_file,
    yolo_network,
)
