"""A pair from what was found of its two sides."""

import pytest
import torch
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Side
from mine_lightning.regularizer.captured import Captured


def pair(x, z, **found):
    return Captured.of(Side.parse(x), Side.parse(z), {f"batch:{name}": what for name, what in found.items()})


def test_a_single_capture_is_the_hosts_own_tensor_and_a_list_is_joined():
    a, b = torch.randn(5, 2), torch.randn(3, 2)
    assert pair("batch:a", "batch:a", a=a).x is a
    both = pair(["batch:a", "batch:b"], ["batch:a", "batch:b"], a=a, b=b)
    assert torch.equal(both.x, torch.cat([a, b]))
    assert [[*map(id, side)] for side in both.sources] == [[id(a), id(b)]] * 2


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_whole_numbers_beside_a_half_stay_what_they_are(half):
    found = {"a": torch.tensor([[2049]]), "b": torch.tensor([[0.5]], dtype=half)}
    joined = pair(["batch:a", "batch:b"], ["batch:b", "batch:b"], **found)
    assert joined.x.flatten().tolist() == [2049, 0.5]
    assert (joined.x.dtype, joined.z.dtype) == (torch.float32, half)


def test_parts_that_make_no_pairs_are_refused_though_their_sum_would_fit():
    found = {"a": torch.randn(5, 2), "b": torch.randn(3, 2)}
    with pytest.raises(InputError, match=r"'batch:a' has shape \[5, 2\] and 'batch:b' has \[3, 2\]"):
        pair(["batch:a", "batch:b"], ["batch:b", "batch:a"], **found)


def test_samples_that_differ_in_shape_are_not_joined():
    with pytest.raises(InputError, match=r"samples of \[batch:a, batch:b\] to have one shape but they are \[5, 4\]"):
        pair(["batch:a", "batch:b"], ["batch:a", "batch:a"], a=torch.randn(5, 4), b=torch.randn(5, 3))


def test_the_gradient_goes_through_what_is_a_function_of_parameters_alone():
    layer, data = nn.Linear(2, 2), torch.randn(5, 2, requires_grad=True)  # as a gradient penalty asks of data
    code = layer(data)
    caught = pair("batch:data", "batch:code", data=data, code=code)
    assert caught.carries == (False, True)
    assert [id(root) for root in caught.roots] == [id(code)]
    column = pair("batch:data", "batch:code[:, :1]", **{"data": data, "code[:, :1]": code})
    assert column.through[0].shape == (5, 1)
    assert column.roots[0] is code  # what a loss depends on, not the column that the index made of it
