"""Settings of the process that several holders share, and what they are for: compiled graphs that are walked twice."""

import itertools

import pytest
import torch
import torch._functorch.config as config
import torch.compiler.config as caches

from mine_lightning.regularizer.compiled import KeepBuffers


@pytest.mark.parametrize("order", itertools.permutations([0, 1]))
@pytest.mark.parametrize("found", [True, False])
def test_the_last_to_go_gives_back_what_the_first_one_found(order, found):
    with config.patch(donated_buffer=found), caches.patch(cache_key_tag="the user's"):
        hold_and_release(order, found)


def hold_and_release(order, found):
    holders = [KeepBuffers(), KeepBuffers()]
    for holder in holders:
        holder.hold()
        holder.hold()
    first, last = (holders[index] for index in order)
    first.release()
    first.release()
    assert config.donated_buffer is False
    assert caches.cache_key_tag.startswith("the user's")
    assert caches.cache_key_tag != "the user's"
    last.release()
    assert config.donated_buffer is found
    assert caches.cache_key_tag == "the user's"


@pytest.fixture
def inductor(tmp_path, monkeypatch):
    """inductor with a cache on disk that is empty."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def test_a_graph_that_was_compiled_before_it_held_can_be_walked_twice(inductor):
    w, x = torch.randn(4, 4, requires_grad=True), torch.randn(8, 4)

    def wave(x):
        return torch.sin(x @ w)

    def twice(function):
        y = function(x)
        return [torch.autograd.grad(y, w, torch.ones_like(y), retain_graph=retained)[0] for retained in (True, False)]

    compiled = torch.compile(wave)
    compiled(x).sum().backward()  # into memory, and onto the disk
    holder = KeepBuffers()
    holder.hold()
    try:
        for found, expected in zip(twice(compiled), twice(wave), strict=True):
            torch.testing.assert_close(found, expected)
    finally:
        holder.release()
