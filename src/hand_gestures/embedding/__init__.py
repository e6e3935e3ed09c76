"""From clips to embeddings: three regions, two backbones, twelve channels per frame."""
