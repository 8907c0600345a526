"""Hooks: what they tell, and that copies have none that tell."""

import copy
import gc
import pickle
import weakref

import pytest
import torch
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Capture
from mine_lightning.regularizer.hooks import put_on


class Heard:
    def __init__(self):
        self.calls = []

    def enter(self, capture, entered):
        self.calls.append(("enter", capture.text, entered.clone()))

    def record(self, module, capture, entered, returned):
        self.calls.append((module, capture.text, entered, returned))


@pytest.mark.parametrize("name", ["x", None])
def test_an_input_is_heard_of_before_and_after(name):
    module, heard, x = nn.LeakyReLU(0.5, inplace=True), Heard(), torch.tensor([-2.0])
    handles = put_on(module, heard, Capture.parse("input:block"))
    returned = module(x) if name is None else module(input=x)
    (_, text, before), (who, _, after, output) = heard.calls
    assert (text, before.item(), after.item()) == ("input:block", -2.0, -1.0)
    assert (who, output) == (module, returned)
    for handle in handles:
        handle.remove()
    module(x)
    assert len(heard.calls) == 2


def test_copies_tell_nothing_and_nobody_is_kept_alive():
    module, heard = nn.Linear(2, 2), Heard()
    put_on(module, heard, Capture.parse("input:linear"))
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        other(torch.ones(1, 2))
    assert heard.calls == []
    gone = weakref.ref(heard)
    del heard
    gc.collect()
    assert gone() is None
    module(torch.ones(1, 2))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:")
def test_torchscript_is_refused():
    module = torch.jit.script(nn.Linear(2, 2))
    with pytest.raises(InputError, match="'output:linear' to name a module that runs in Python but it is TorchScript"):
        put_on(module, Heard(), Capture.parse("output:linear"))
