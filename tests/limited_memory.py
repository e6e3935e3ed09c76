"""A limit of the memory that a block allocates."""

import tracemalloc
from contextlib import contextmanager


@contextmanager
def limited_memory(megabytes):
    """Fails if more memory was allocated at once."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    assert peak < megabytes
