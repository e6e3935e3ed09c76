"""From two embeddings files to a trained classifier.

`train.py` is the whole path: it checks the files, builds data, network and trainer, and returns the bundle of the best
epoch. `sampler.py` decides which rows an epoch shows, `module.py` what happens in a step and what is measured.
"""
