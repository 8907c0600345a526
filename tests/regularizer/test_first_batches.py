"""What can't be meant is refused, what may be meant is told once."""

from types import SimpleNamespace

import pytest
import torch
from by_hand import Classifier

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Side
from mine_lightning.regularizer.captured import Captured
from mine_lightning.regularizer.first_batches import PATIENCE, FirstBatches
from mine_lightning.regularizer.once import Once
from mine_lightning.regularizer.recorder import Recorder


def judge_of(host, x="batch:0", z="output:encoder"):
    recorder = Recorder(Side.parse(x), Side.parse(z), Once())
    recorder.attach(host)
    recorder.arm(host, (torch.randn(8, 4),))
    return FirstBatches(x, z, recorder, Once()), recorder


def look(judge, host, pair, batch_idx=0, last=False, watches=False, begun=False, built=False):
    judge.judge(SimpleNamespace(is_last_batch=last), host, pair, batch_idx, watches, built, begun)


def manual():
    host = Classifier()
    host.automatic_optimization = False
    return host


def pair_of(host, x):
    z = host.encoder(x)
    return Captured(x, z, ((x,), (z,)))


def test_nothing_is_said_of_a_term_that_works():
    host = Classifier()
    judge, _ = judge_of(host)
    judge.saw_backward()
    look(judge, host, pair_of(host, torch.randn(8, 4)), begun=True)
    judge.end_epoch("mine/mi")


def test_patience_is_for_those_who_may_need_it():
    """A capture that is not there may still come; two that carry no gradient will not get one."""
    host, x = Classifier(), torch.randn(8, 4)
    judge, _ = judge_of(host)
    judge.saw_backward()
    look(judge, host, None)
    with pytest.raises(InputError, match="'output:encoder' to be seen in the first batches"):
        look(judge, host, None, batch_idx=PATIENCE - 1)
    judge, _ = judge_of(host)
    judge.saw_backward()
    with pytest.raises(InputError, match="neither 'batch:0' nor 'output:encoder' carries a gradient"):
        look(judge, host, Captured(x, x, ((x,), (x,))))


def test_a_manual_host_may_take_a_short_epoch():
    host = manual()
    judge, _ = judge_of(host)
    judge.saw_backward()
    with pytest.warns(UserWarning, match="to be seen in the first batches"):
        look(judge, host, None, last=True)


@pytest.mark.parametrize("batches_before", [0, 3])
def test_a_backward_that_lightning_does_not_see_is_refused_whenever_it_comes(batches_before):
    host = manual()
    judge, _ = judge_of(host)
    for _ in range(batches_before):
        judge.saw_backward()
        pair = pair_of(host, torch.randn(8, 4))
        pair.seen = True
        pair.z.square().mean().backward()
        look(judge, host, pair, begun=True)
    pair = pair_of(host, torch.randn(8, 4))
    pair.z.square().mean().backward()
    with pytest.raises(InputError, match="a backward that Lightning did not see ran through the captured tensors"):
        look(judge, host, pair, begun=batches_before > 0)


def test_a_host_whose_backward_never_shows_is_refused():
    host = manual()
    judge, _ = judge_of(host)
    with pytest.raises(InputError, match="saw no backward in its first batches"):
        look(judge, host, pair_of(host, torch.randn(8, 4)), last=True)


def test_an_automatic_host_may_skip_all_its_first_batches():
    judge, _ = judge_of(Classifier())
    look(judge, Classifier(), None, last=True)
    look(judge, Classifier(), pair_of(Classifier(), torch.randn(8, 4)), batch_idx=PATIENCE, last=True)
    judge.saw_backward()
    with pytest.raises(InputError, match="to be seen in the first batches"):
        look(judge, Classifier(), None, last=True)


def test_watching_asks_for_no_backward():
    host = manual()
    judge, _ = judge_of(host)
    pair = pair_of(host, torch.randn(8, 4))
    pair.z.square().mean().backward()
    look(judge, host, pair, last=True, watches=True)


@pytest.mark.parametrize(("samples", "had"), [(1, "one sample"), (0, "no sample")])
def test_batches_of_one_are_told_at_the_end_of_the_epoch(samples, had):
    host = Classifier()
    judge, _ = judge_of(host)
    judge.saw_backward()
    look(judge, host, pair_of(host, torch.randn(samples, 4)), last=True)
    with pytest.warns(UserWarning, match=f"mine/mi has no value and the term no effect: every batch had {had}"):
        judge.end_epoch("mine/mi")


def test_a_part_that_no_optimizer_has_is_told():
    host = Classifier()
    judge, _ = judge_of(host)
    pair = pair_of(host, torch.randn(8, 4))
    both = SimpleNamespace(optimizers=[torch.optim.SGD(host.parameters(), lr=0.1)])
    judge.tell_of_no_optimizer(both, host, pair)
    head = SimpleNamespace(optimizers=[torch.optim.SGD(host.head.parameters(), lr=0.1)])
    with pytest.warns(UserWarning, match="no optimizer of Classifier has a parameter"):
        judge.tell_of_no_optimizer(head, host, pair)


def test_a_term_that_starts_without_weight_is_judged_when_it_gets_one():
    host, x = Classifier(), torch.randn(8, 4)
    pair = Captured(x, x, ((x,), (x,)))
    judge, _ = judge_of(host)
    judge.saw_backward()
    for batch_idx in range(3):
        look(judge, host, pair, batch_idx, watches=True)
    with pytest.raises(InputError, match="neither 'batch:0' nor 'output:encoder' carries a gradient"):
        look(judge, host, pair, batch_idx=3)


def test_a_backbone_that_is_frozen_for_now_is_told_whatever_was_captured_behind_it():
    host, x = Classifier(), torch.randn(8, 4)
    host.encoder.requires_grad_(False)
    judge, _ = judge_of(host, z="input:head")
    judge.saw_backward()
    z = host.encoder(x)
    host.head(z)
    with pytest.warns(UserWarning, match="no effect on Classifier so far"):
        look(judge, host, Captured(x, z, ((x,), (z,))))
