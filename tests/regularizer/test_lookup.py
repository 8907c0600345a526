"""Where the name of a capture leads, and what is said where it leads nowhere."""

import collections
import dataclasses

import pytest
import torch
from cases import Plain, tiny_gan

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Capture
from mine_lightning.regularizer.lookup import attribute_of, entry_of, module_of


def test_a_submodule_by_its_name():
    host = tiny_gan()
    assert module_of(host, Capture.parse("output:generator")) is host.generator


def test_an_unknown_module_lists_the_nearest_and_the_known():
    with pytest.raises(
        InputError, match=r"there is no 'generater'; did you mean output:generator\? it has: generator,"
    ):
        module_of(tiny_gan(), Capture.parse("output:generater"))


def test_a_method_is_told_from_a_submodule():
    host = Plain()
    host.draw = lambda mean: mean
    with pytest.raises(
        InputError, match="'output:draw' to name a submodule of Plain but it is a method; take what rec"
    ):
        module_of(host, Capture.parse("output:draw"))


@dataclasses.dataclass
class Images:
    image: torch.Tensor


Pair = collections.namedtuple("Pair", ["image", "label"])


@pytest.mark.parametrize(
    ("text", "wrap"),
    [
        ("batch:0", lambda x: {0: x}),
        ("batch:image", Images),
        ("batch:image", lambda x: Pair(x, 0)),
        ("batch:1", lambda x: Pair(0, x)),
        ("batch:-1", lambda x: (0, x)),
        ("batch:0", lambda x: {"0": x, 0: None}),
    ],
)
def test_entries_by_number_key_or_field(text, wrap):
    x = torch.randn(2, 3)
    assert entry_of(wrap(x), Capture.parse(text)) is x


def test_without_a_name_it_is_the_whole_batch():
    batch = (torch.randn(2, 3), 0)
    assert entry_of(batch, Capture.parse("batch:")) is batch


@pytest.mark.parametrize(
    ("text", "batch", "told"),
    [
        (
            "batch:2",
            [0, 1],
            "to name an entry of the batch but the batch is a list of 2, numbered from 0; give one of these",
        ),
        ("batch:x", torch.zeros(5, 4), "a batch of several entries for 'batch:x' but it is one tensor of shape"),
    ],
)
def test_an_entry_that_is_not_there_is_told_with_what_is(text, batch, told):
    with pytest.raises(InputError, match=told):
        entry_of(batch, Capture.parse(text))


def test_an_attribute_is_followed_through_modules_and_none_where_there_is_none():
    host = Plain()
    host.encoder.code = code = torch.randn(2, 3)
    assert attribute_of(host, Capture.parse("attr:encoder.code")) is code
    assert attribute_of(host, Capture.parse("attr:encoder.none.code")) is None
