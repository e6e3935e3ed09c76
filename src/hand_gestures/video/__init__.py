"""Video files and frame files: what is in a folder, decoding, and the ingest that turns videos into frames."""
