import torch

from hand_gestures.training.buffers import BatchBuffers


def test_memory_is_used_again_once_its_tensor_is_gone():
    buffers = BatchBuffers()
    one = buffers.take((4, 3))
    place = one.data_ptr()
    del one
    assert buffers.take((4, 3)).data_ptr() == place


def test_memory_that_anything_holds_is_never_given_out_again():
    buffers = BatchBuffers()
    held = [buffers.take((4, 3)) for _ in range(10)]
    slices = [tensor[1:] for tensor in held]
    grown = torch.nn.Parameter(held[0])  # holds the memory, but not the tensor
    held = [tensor.data_ptr() for tensor in held]
    others = [buffers.take((4, 3)).data_ptr() for _ in range(5)]
    assert len(set(held)) == 10
    assert not set(held) & set(others)
    assert len(slices) == 10
    assert grown.requires_grad


def test_another_shape_gets_memory_of_its_own():
    buffers = BatchBuffers()
    assert buffers.take((4, 3)).shape == (4, 3)
    assert buffers.take((2, 3)).shape == (2, 3)
