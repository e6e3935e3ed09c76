import torch

from hand_gestures.store.batch_memory import BatchMemory


def test_memory_is_used_again_when_its_tensor_is_gone():
    memory = BatchMemory()
    batch = memory.take((4, 3))
    address = batch.data_ptr()
    del batch
    assert memory.take((4, 3)).data_ptr() == address


def test_memory_that_anything_holds_is_never_given_out_again():
    memory = BatchMemory()
    held = [memory.take((4, 3)) for _ in range(10)]
    slices = [tensor[1:] for tensor in held]
    parameter = torch.nn.Parameter(held[0])  # holds the memory, but not the tensor
    held = [tensor.data_ptr() for tensor in held]
    others = [memory.take((4, 3)).data_ptr() for _ in range(5)]
    assert len(set(held)) == 10
    assert not set(held) & set(others)
    assert len(slices) == 10
    assert parameter.requires_grad


def test_another_shape_gets_other_memory():
    memory = BatchMemory()
    assert memory.take((4, 3)).shape == (4, 3)
    assert memory.take((2, 3)).shape == (2, 3)
