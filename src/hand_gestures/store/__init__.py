"""The HDF5 file of embeddings: its layout, writing, reading and selecting rows and channels."""
