"""Drawn hands: a gesture set that needs no camera and no download."""
