"""From a folder of frames to sequences and their split: the frame catalog, groups, folds and the leak audit."""
