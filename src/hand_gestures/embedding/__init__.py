"""From clips to embeddings: backbones by their real loading code, twelve channels a frame, gzip HDF5."""
