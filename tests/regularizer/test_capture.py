"""The grammar of capture strings, and what an index selects."""

import re
import warnings
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Capture, describe


@pytest.mark.parametrize(
    ("text", "kind", "path", "index"),
    [
        ("output:encoder", "output", "encoder", ()),
        ("input:net.decoder", "input", "net.decoder", ()),
        ("batch:0", "batch", "0", ()),
        ("batch:", "batch", "", ()),
        ("attr:code", "attr", "code", ()),
        ("input:generator[:, :16]", "input", "generator", ((slice(None), slice(None, 16)),)),
        ("output:encoder[0]", "output", "encoder", (0,)),
        ("output:encoder['mu'][:, -2:]", "output", "encoder", ("mu", (slice(None), slice(-2, None)))),
        ("output:f[..., 1:9:2]", "output", "f", ((..., slice(1, 9, 2)),)),
    ],
)
def test_grammar(text, kind, path, index):
    capture = Capture.parse(text)
    assert (capture.kind, capture.path, capture.index) == (kind, path, index)


@pytest.mark.parametrize("text", ["encoder", "outputs:encoder", "output:", "[0]"])
def test_a_string_without_its_prefix_is_refused(text):
    with pytest.raises(InputError, match="start it with one of output:, input:, batch:, attr:"):
        Capture.parse(text)


@pytest.mark.parametrize("text", ["output:f[", "output:f[0]x", "output:f[print()]", "output:f[a]", "output:f[]"])
def test_wrong_brackets_are_refused_and_never_run(text):
    with pytest.raises(InputError, match="Expected brackets with numbers, slices or keys"):
        Capture.parse(text)


def test_select_gives_the_hosts_own_tensor_and_the_selection():
    source = torch.randn(4, 6)
    for text, found in (
        ("output:f[:, :2]", source),
        ("output:f['mu'][:, :2]", {"mu": source}),
        ("output:f[1][:, :2]", [None, source]),
    ):
        (own,), selected = Capture.parse(text).select(found)
        assert own is source
        assert torch.equal(selected, source[:, :2])


class Parts(NamedTuple):
    mu: torch.Tensor


@dataclass
class Moments:
    mu: torch.Tensor


class Items:
    """Entries by key, and an attribute of the same name as one of them."""

    def __init__(self, mu):
        self.held, self.keys = {"mu": mu, "keys": mu}, torch.zeros(1)

    def __getitem__(self, key):
        return self.held[key]


@pytest.mark.parametrize("of", [Parts, Moments, Items, lambda mu: SimpleNamespace(mu=mu)])
def test_select_gives_a_field_of_what_has_no_entries(of):
    source = torch.randn(4, 6)
    (own,), selected = Capture.parse("output:f['mu'][:, :2]").select(of(source))
    assert own is source
    assert torch.equal(selected, source[:, :2])
    with pytest.raises(InputError, match="'mu2'"):
        Capture.parse("output:f['mu2']").select(of(source))


def test_an_entry_comes_before_a_field_of_its_name():
    source = torch.randn(4, 6)
    assert Capture.parse("output:f['keys']").select(Items(source))[1] is source
    assert torch.equal(Capture.parse("output:f['values']").select(source.sort())[1], source.sort().values)


def test_of_a_distribution_the_own_tensors_are_its_parameters():
    mean, std = torch.randn(4, 6, requires_grad=True), torch.rand(4, 6, requires_grad=True)
    normal = torch.distributions.Independent(torch.distributions.Normal(mean, std), 1)
    for name, expected in (("mean", mean), ("variance", std**2)):
        own, selected = Capture.parse(f"output:f['{name}']").select(normal)
        assert [any(one is other for one in own) for other in (mean, std)] == [True, True]
        assert torch.equal(selected, expected)
    categorical = torch.distributions.Categorical(logits=mean)
    capture = Capture.parse("output:f['probs']")  # computed when it is first asked for, and then kept by it
    before, after = capture.tensors(categorical), capture.tensors(categorical)
    assert [id(tensor) for tensor in before] == [id(tensor) for tensor in after]
    with pytest.raises(InputError, match="to name a tensor but it is a method"):
        Capture.parse("output:f['rsample']").select(normal)


class Guarded:
    @property
    def mu(self):
        raise NotImplementedError


def test_a_field_that_raises_is_told_and_holds_no_tensor():
    capture = Capture.parse("output:f['mu']")
    with pytest.raises(InputError, match=r"it is a Guarded \(NotImplementedError\); correct the brackets"):
        capture.select(Guarded())
    assert capture.tensors(Guarded()) == ()


def test_brackets_that_leave_nothing_are_refused():
    with pytest.raises(InputError, match=r"to leave numbers of each sample but it is a tensor of shape \[4, 0\]"):
        Capture.parse("batch:0[:, 9:]").select(torch.randn(4, 6))


def test_what_is_no_real_tensor_is_refused():
    with pytest.raises(InputError, match="to name a tensor but it is a tuple of 2, numbered from 0"):
        Capture.parse("output:f").select((1, 2))
    with pytest.raises(InputError, match="to be real but it is complex"):
        Capture.parse("output:f").select(torch.zeros(2, dtype=torch.cfloat))


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (torch.eye(3).to_sparse(), "sparse_coo"),
        (torch.nested.nested_tensor([torch.ones(1, 3), torch.ones(2, 3)], layout=torch.jagged), "nested"),
    ],
)
def test_what_is_not_dense_is_refused(found, kept):
    with pytest.raises(InputError, match=f"'batch:0' to be dense but it is {kept}"):
        Capture.parse("batch:0").select(found)


@pytest.mark.parametrize(
    "found",
    [
        {"mu": torch.ones(2, 1), "std": torch.ones(2, 1)},
        (torch.ones(2, 1), None),
        {"names": ["a", "b"], "mu": torch.ones(2, 1)},
        Moments(torch.ones(2, 1)),
        torch.distributions.Normal(torch.ones(2, 1), 1.0),
    ],
)
def test_the_entry_that_is_offered_is_one(found):
    with pytest.raises(InputError, match="select an entry with brackets") as told:
        Capture.parse("output:f").select(found)
    offered = re.search(r'such as "(.*?)"', str(told.value)).group(1)
    assert Capture.parse(offered).select(found)[1].shape == (2, 1)


def test_no_entry_is_offered_of_what_has_none():
    with pytest.raises(InputError, match="it is a NoneType; set an attribute"):
        Capture.parse("output:f").select(None)


def test_describe_says_what_can_be_chosen_from():
    assert describe(torch.zeros(2, 3)) == "a tensor of shape [2, 3]"
    assert describe({"mu": 1}) == "a dict with keys ['mu']"
    assert describe(nn.Identity()) == "a Identity"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of a prototype
        strided = torch.nested.nested_tensor([torch.ones(1, 3), torch.ones(2, 3)])
    assert describe(strided) == "a nested tensor, of samples that differ in length"  # which has no shape to ask for
