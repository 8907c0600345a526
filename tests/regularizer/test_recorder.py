"""What is caught of a running host, and what never is."""

import contextlib
import copy
import io
import warnings

import pytest
import torch
from cases import Plain, hooks_of
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Side
from mine_lightning.regularizer.once import Once
from mine_lightning.regularizer.recorder import Recorder


def recorder(x, z):
    return Recorder(Side.parse(x), Side.parse(z), Once())


def test_every_kind_finds_its_tensor():
    host, x, y = Plain(), torch.randn(5, 4), torch.arange(5)
    host.code = torch.randn(5, 2)
    for spelled, expected in (("batch:0", x), ("batch:1", y), ("input:encoder", x), ("attr:code", None)):
        found = recorder(spelled, "output:head")
        found.attach(host)
        found.arm(host, (x, y))
        host.code = torch.randn(5, 2)
        logits = host.head(host.encoder(x))
        pair = found.newest(host)
        assert pair.x is (host.code if expected is None else expected)
        assert pair.z is logits
        found.detach()


def test_index_selects_from_tuples_dicts_and_tensors():
    class Two(nn.Module):
        def forward(self, x):
            return {"mu": (x, 2 * x)}

    host = Plain()
    host.two = Two()
    found = recorder("output:two['mu'][1][:, 1:]", "batch:")
    found.attach(host)
    batch = torch.randn(3, 4)
    found.arm(host, batch)
    host.two(batch)
    torch.testing.assert_close(found.newest(host).x, 2 * batch[:, 1:])


def test_a_list_joins_the_samples_of_several_captures():
    host, x, code = Plain(), torch.randn(5, 4), torch.randn(5, 4)
    found = recorder(["batch:", "input:encoder"], ["input:encoder", "batch:"])
    found.attach(host)
    found.arm(host, x)
    assert found.newest(host) is None
    host.encoder(code)
    pair = found.newest(host)
    assert torch.equal(pair.x, torch.cat([x, code]))
    assert torch.equal(pair.z, torch.cat([code, x]))
    assert found.newest(host) is pair
    host.encoder(code + 1)
    with pytest.warns(UserWarning, match="another input"):
        assert found.newest(host) is not pair


def test_sides_of_different_numbers_of_captures_are_refused_where_they_are_written():
    with pytest.raises(InputError, match=r"got 2 in \[batch:0, batch:1\] and 1 in attr:both"):
        recorder(["batch:0", "batch:1"], "attr:both")


def test_a_capture_that_is_named_twice_is_caught_once(recwarn):
    host, found, x = (
        Plain(),
        recorder(["input:encoder", "input:encoder"], ["output:encoder", "output:encoder"]),
        torch.randn(5, 4),
    )
    found.attach(host)
    found.arm(host, x)
    code = host.encoder(x)
    found.pause()
    pair = found.newest(host)
    assert torch.equal(pair.x, torch.cat([x, x]))
    assert torch.equal(pair.z, torch.cat([code, code]))
    assert not recwarn.list


def test_a_list_of_no_captures_is_refused():
    with pytest.raises(InputError, match="one capture or more in the list of x or z but got none"):
        Side.parse([])


def test_newest_call_counts_and_calls_without_gradient_do_not():
    host, found = Plain(), recorder("output:head", "input:head")
    found.attach(host)
    found.arm(host, None)
    first = host.head(torch.randn(2, 3))
    assert found.newest(host).x is first
    second = host.head(torch.randn(2, 3))
    with torch.no_grad():
        host.head(torch.randn(2, 3))
    assert found.newest(host).x is second


def test_nothing_is_kept_after_disarm_and_no_hook_after_detach():
    host, found = Plain(), recorder("output:head", "input:head")
    found.attach(host)
    found.arm(host, None)
    host.head(torch.randn(2, 3))
    found.disarm()
    assert found.newest(host) is None
    assert "'output:head' and 'input:head' to be seen" in found.explain_missing(host)
    found.detach()
    assert hooks_of(host) == []


def test_a_copy_of_the_host_is_not_caught_and_can_be_saved():
    host, found = Plain(), recorder("output:head", "input:head")
    found.attach(host)
    found.arm(host, None)
    logits = host.head(torch.randn(2, 3))
    copied = copy.deepcopy(host)
    copied.head(torch.randn(2, 3))
    assert found.newest(host).x is logits
    for module in (copied, host):
        file = io.BytesIO()
        torch.save(module.head, file)
        file.seek(0)
        loaded = torch.load(file, weights_only=False)
        loaded(torch.randn(2, 3))
        assert found.newest(host).x is logits
        assert torch.equal(loaded.weight, host.head.weight)


def test_a_call_without_gradients_is_caught_but_replaces_none_with():
    host, found = Plain(), recorder("output:head", "input:head")
    found.attach(host)
    found.arm(host, None)
    with torch.no_grad():
        first = host.head(torch.randn(2, 3))
    assert found.newest(host).x is first
    second = host.head(torch.randn(2, 3))
    assert found.newest(host).x is second
    with torch.inference_mode():
        host.head(torch.randn(2, 3))
    assert found.newest(host).x is second


@pytest.mark.parametrize(
    ("x", "batch", "message"),
    [
        ("batch:image", {"picture": torch.zeros(2)}, r"the batch is a dict with keys \['picture'\]"),
        ("batch:2", (torch.zeros(2), torch.zeros(2)), "the batch is a tuple of 2"),
        ("batch:0[:, 3]", (torch.zeros(2, 2),), r"it is a tensor of shape \[2, 2\]"),
        ("batch:", (torch.zeros(2),), "to name a tensor but it is a tuple of 1"),
        ("batch:0", (torch.zeros(3, 1),), r"same number of samples but 'batch:0' has shape \[3, 1\]"),
    ],
)
def test_what_is_not_there_is_told(x, batch, message):
    host, found = Plain(), recorder(x, "output:head")
    found.attach(host)
    with pytest.raises(InputError, match=message):
        _run_once(host, found, batch)


def test_an_attribute_that_is_not_set_yet_is_not_there_and_told_if_it_never_comes():
    host, found = Plain(), recorder("attr:code", "output:head")
    found.attach(host)
    found.arm(host, None)
    logits = host.head(torch.randn(2, 3))
    assert found.newest(host) is None
    assert (
        "'attr:code' to name an attribute of Plain that training_step sets but there is none"
        in found.explain_missing(host)
    )
    host.code = torch.randn(2, 1)
    assert found.newest(host).z is logits


def test_an_attribute_of_the_step_before_does_not_count():
    host, found = Plain(), recorder("attr:code", "output:head")
    host.code = torch.randn(2, 1)
    found.attach(host)
    found.arm(host, None)
    host.head(torch.randn(2, 3))
    assert found.newest(host) is None


def test_nothing_is_found_where_nothing_is_recorded():
    # of a batch that a loader's collate left empty, Lightning calls the hook at its end alone
    host, found = Plain(), recorder("attr:code", "attr:code")
    found.attach(host)
    found.arm(host, None)
    host.code = torch.randn(2, 1)
    assert found.newest(host) is not None
    found.disarm()
    assert found.newest(host) is None


class Keeping(Plain):
    """Keeps what it computed in a dict, and in a buffer."""

    def __init__(self):
        super().__init__()
        self.kept = {"z": torch.zeros(2, 3)}
        self.register_buffer("seen", torch.zeros(2, 3))


def test_an_attribute_counts_once_what_it_holds_is_new():
    host = Keeping()
    for text, change in (
        ("attr:kept['z']", lambda z: host.kept.update(z=z)),
        ("attr:seen", lambda z: host.seen.copy_(z.detach())),
    ):
        found = recorder(text, "output:head")
        found.attach(host)
        found.arm(host, None)
        host.head(torch.randn(2, 3))
        assert found.newest(host) is None
        assert "that training_step sets but it is not set anew there" in found.explain_missing(host)
        z = torch.randn(2, 3)
        change(z)
        assert torch.equal(found.newest(host).x, z)
        found.detach()


def test_a_property_that_is_not_to_be_asked_for_yet_is_not_there():
    class Guarded(Plain):
        code = None

        @property
        def checked(self):
            if self.code is None:
                raise RuntimeError("no step yet")
            return self.code

    host, found = Guarded(), recorder("attr:checked", "output:head")
    found.attach(host)
    found.arm(host, None)
    host.head(torch.randn(2, 3))
    assert found.newest(host) is None
    host.code = torch.randn(2, 1)
    assert found.newest(host).x is host.code


class Filling(nn.Linear):
    """Fills one dict anew each time."""

    def __init__(self):
        super().__init__(3, 2)
        self.filled = {}

    def forward(self, x):
        self.filled["z"] = super().forward(x)
        return self.filled


def caught_within():
    """A host whose head fills a dict, and the recorder of what it fills in."""
    host, found = Plain(), recorder("input:head", "output:head['z']")
    host.head = Filling()
    found.attach(host)
    found.arm(host, None)
    return host, found


def test_a_container_that_is_filled_anew_is_another_pair_and_one_that_is_not_is_the_same():
    host, found = caught_within()
    for _ in range(2):
        filled = host.head(torch.randn(2, 3))["z"]
        pair = found.newest(host)
        assert pair.z is filled
        assert found.newest(host) is pair
    found.detach()


def test_a_frozen_module_is_known_by_what_its_container_holds():
    host, found = caught_within()
    host.head.requires_grad_(False)
    host.head(torch.randn(2, 3))
    host.head.requires_grad_(True)  # as untoggle_optimizer does after the step
    assert found.is_frozen(host)


def test_a_change_in_place_within_a_container_is_told_too():
    host, found = caught_within()
    host.head(torch.randn(2, 3))["z"].relu_()
    with pytest.warns(UserWarning, match=r"\['z'\].* was changed in place"):
        found.newest(host)


def test_a_change_in_place_after_the_capture_is_told_once():
    host, found = Plain(), recorder("output:head", "input:head")
    found.attach(host)
    found.arm(host, None)
    host.head(torch.randn(2, 3)).relu_()
    with pytest.warns(UserWarning, match="'output:head' was changed in place"):
        found.newest(host)
    found.arm(host, None)
    host.head(torch.randn(2, 3)).relu_()
    found.newest(host)  # a second warning would be an error here


def test_a_module_that_runs_twice_before_one_backward_is_told_once():
    host, found = Plain(), recorder("output:head", "input:head")
    found.attach(host)
    told = pytest.warns(UserWarning, match="'output:head' was captured 2 times before one backward")
    for expected in (told, contextlib.nullcontext()):
        found.arm(host, None)
        host.head(torch.randn(2, 3))
        second = host.head(torch.randn(2, 3))
        assert found.newest(host).x is second
        with expected:
            found.pause()


def test_once_before_each_of_two_backwards_is_no_matter():
    host, found = Plain(), recorder("output:head", "input:head")
    found.attach(host)
    found.arm(host, None)
    for _ in range(2):
        host.head(torch.randn(2, 3))
        found.pause()  # a warning would be an error here
        found.resume()


def test_sparse_inputs_of_two_passes_are_compared_too():
    class Sums(nn.Module):
        def forward(self, x):
            return x.to_dense() * torch.ones(3, requires_grad=True)

    host, found, x = Plain(), recorder("batch:0", "output:head"), torch.eye(3)
    host.head = Sums()
    found.attach(host)
    found.arm(host, (x,))
    host.head(x.to_sparse())
    assert found.newest(host) is not None
    found.pause()
    found.resume()
    host.head(x.to_sparse())
    with pytest.warns(UserWarning, match="with another input"):
        found.newest(host)


@pytest.mark.parametrize("again", ["the same", "a view", "another"])
def test_a_partner_of_another_pass_is_told(again):
    """An encoder that runs on the batch, and in the same step on a sample of the decoder."""
    host, found = Plain(), recorder("batch:0", "output:head")
    x = torch.randn(2, 3)
    found.attach(host)
    found.arm(host, (x,))
    host.head(x)
    assert found.newest(host) is not None
    found.pause()
    found.resume()
    host.head({"the same": x, "a view": x.view(2, 3), "another": torch.randn(2, 3)}[again])
    if again == "another":
        with pytest.warns(UserWarning, match="'output:head' was captured again, with another input, .* 'batch:0' was"):
            found.newest(host)
    else:
        found.newest(host)  # a warning would be an error here


def test_an_entry_that_a_batch_has_as_none_is_not_there():
    host, found = Plain(), recorder("batch:labelled[0]", "output:head")
    found.attach(host)
    for batch, seen in (({"labelled": [torch.randn(2, 3)]}, True), ({"labelled": None}, False)):
        found.arm(host, batch)
        host.head(torch.randn(2, 3))
        assert (found.newest(host) is not None) == seen


def test_torchscript_takes_no_hooks_and_is_refused():
    host, found = Plain(), recorder("batch:0", "output:head")
    with warnings.catch_warnings(action="ignore"):
        host.head = torch.jit.trace(host.head, torch.randn(2, 3))
    with pytest.raises(InputError, match="'output:head' to name a module that runs in Python but it is TorchScript"):
        found.attach(host)


def test_what_runs_again_during_a_backward_is_not_caught():
    host, found = Plain(), recorder("output:head", "input:head")
    found.attach(host)
    found.arm(host, None)
    first = host.head(torch.randn(2, 3))
    found.pause()
    host.head(torch.randn(2, 3))
    assert found.newest(host).x is first
    found.resume()
    again = host.head(torch.randn(2, 3))
    assert found.newest(host).x is again


def _run_once(host, found, batch):
    found.arm(host, batch)
    host.head(torch.randn(2, 3))
    found.newest(host)


def test_a_batch_that_the_host_changes_in_place_is_told():
    host, found = Plain(), recorder("batch:0", "output:head")
    found.attach(host)
    batch = (torch.randn(2, 3),)
    found.arm(host, batch)
    host.head(batch[0].clone())
    found.newest(host)
    found.arm(host, batch)
    host.head(batch[0].add_(1))
    with pytest.warns(UserWarning, match="'batch:0' was changed in place"):
        found.newest(host)
