import pytest
import torch
from torch import nn

from hand_gestures.utils import threads
from hand_gestures.utils.threads import LARGE_NETWORK, choose_threads, torch_threads


@pytest.fixture
def four_threads(monkeypatch):
    monkeypatch.setattr(threads, "available_cores", lambda: 3)
    with torch_threads(4):
        yield


def network(parameters):
    return nn.Linear(parameters, 1, bias=False)


@pytest.mark.usefixtures("four_threads")
def test_the_size_of_the_network_decides_between_one_thread_and_all_cores():
    assert choose_threads("auto", network(LARGE_NETWORK - 1)) == 1
    assert choose_threads("auto", network(LARGE_NETWORK)) == 3  # not four: the container has three cores
    assert choose_threads(7, network(1)) == 7


@pytest.mark.usefixtures("four_threads")
def test_fewer_threads_that_the_environment_asks_for_are_kept():
    with torch_threads(2):
        assert choose_threads("auto", network(LARGE_NETWORK)) == 2


def test_threads_are_given_back_after_an_error():
    before = torch.get_num_threads()
    seen = []

    def fail():
        with torch_threads(before + 1):
            seen.append(torch.get_num_threads())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (seen, torch.get_num_threads()) == ([before + 1], before)
