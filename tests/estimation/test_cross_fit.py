"""Each pair counts once, and no T is read on pairs that it was trained on or chosen by."""

import pytest
import torch

from mine_lightning.estimation import cross_fit as module
from mine_lightning.estimation.cross_fit import cross_fit, networks_for
from mine_lightning.estimation.pairs import Pairs, read_pairs
from mine_lightning.estimation.training import Training
from mine_lightning.networks.separable import BilinearStatistics, SeparableStatistics

TRAINING = Training(batch_size=32, max_steps=20, check_every=10)


def pairs_of(n=200):
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(1))
    return Pairs(*read_pairs(x, x + torch.randn(n, 2, generator=torch.Generator().manual_seed(2))), True, 0)


@pytest.mark.parametrize("folds", [2, 3])
def test_pairs_are_read_once_and_by_a_stranger(folds, monkeypatch):
    trained, chosen, read = [], [], []
    train, value_of = module.train, module.value_of

    def training(network, pairs, training_index, validation_index, *rest):
        trained.append(set(training_index.tolist()))
        chosen.append(set(validation_index.tolist()))
        return train(network, pairs, training_index, validation_index, *rest)

    def reading(network, pairs, index):
        read.append(set(index.tolist()))
        return value_of(network, pairs, index)

    monkeypatch.setattr(module, "train", training)
    monkeypatch.setattr(module, "value_of", reading)
    pairs = pairs_of()
    fitted = cross_fit(pairs, [SeparableStatistics], TRAINING, folds, 0, False)
    seen, held_out = read[0::2], read[1::2]
    assert sorted(pair for fold in held_out for pair in fold) == list(range(len(pairs)))
    for ours, theirs, stop, again in zip(held_out, trained, chosen, seen, strict=True):
        assert not ours & (theirs | stop)
        assert not theirs & stop
        assert ours | theirs | stop == set(range(len(pairs)))
        assert again <= theirs
    assert [fold.value.n for fold in fitted] == [len(fold) for fold in held_out]
    assert all(fold.curve[-1].step == 20 for fold in fitted)


def test_a_bilinear_form_helps_where_both_sides_are_wide():
    assert networks_for(((2,), (40,))) == [SeparableStatistics]
    assert networks_for(((40,), (40,))) == [SeparableStatistics, BilinearStatistics]
    assert networks_for(((3, 8, 8), (40,))) == [SeparableStatistics]


def test_the_running_estimate_is_written_on_request(capsys):
    cross_fit(pairs_of(100), [SeparableStatistics], TRAINING, 2, 0, True)
    said = capsys.readouterr().err
    assert "fold 1 of 2, step 10:" in said
    assert "fold 2 of 2, step 20:" in said
    cross_fit(pairs_of(100), [SeparableStatistics], TRAINING, 2, 0, False)
    assert capsys.readouterr().err == ""


def test_a_silent_network_is_read_as_0_with_the_noise_of_what_was_trained(monkeypatch):
    monkeypatch.setattr("mine_lightning.estimation.calibration.best_weights", lambda joint, _: torch.zeros(len(joint)))
    silent = cross_fit(pairs_of(), [SeparableStatistics], TRAINING, 2, 0, False)
    monkeypatch.setattr("mine_lightning.estimation.calibration.best_weights", lambda joint, _: torch.ones(len(joint)))
    told = cross_fit(pairs_of(), [SeparableStatistics], TRAINING, 2, 0, False)
    assert [fold.value.nats for fold in silent] == [0, 0]
    assert [fold.value.variance for fold in silent] == [fold.value.variance for fold in told]
    assert [fold.silent for fold in silent + told] == [True, True, False, False]
