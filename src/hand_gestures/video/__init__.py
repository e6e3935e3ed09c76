"""Frame names, the frame catalog, sequences, splits, and clips read from disk."""
