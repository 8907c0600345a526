"""A private stream is a function of its seed, and leaves the global one where it is."""

from types import SimpleNamespace

import pytest
import torch

from mine_lightning.streams import evaluation_seed, private_stream


def test_each_batch_process_and_stream_of_an_evaluation_has_a_seed_of_its_own():
    hosts = [SimpleNamespace(trainer=SimpleNamespace(world_size=3), global_rank=rank) for rank in range(3)]
    seeds = [evaluation_seed(host, batch, stream) for host in hosts for batch in range(5) for stream in (0, 1)]
    assert sorted(seeds) == list(range(30))


def test_it_depends_on_the_seed_alone_and_nothing_else_moves():
    draws, before = [], torch.get_rng_state()
    for seed in (1, 1, 2):
        with private_stream(torch.device("cpu"), seed):
            draws.append(torch.randn(3))
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_moves_neither_for_the_cpu_nor_for_itself():
    for device in (torch.device("cpu"), torch.device("cuda")):
        before = torch.cuda.get_rng_state()
        with private_stream(device, 1):
            torch.randn(3, device=device)
        assert torch.equal(torch.cuda.get_rng_state(), before)
