"""The frozen pretrained networks and the hand detector: finding their files, loading them, preparing their input."""
