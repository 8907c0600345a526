"""The callables that the package takes are what it says they are; a code and a point of the plane are plain data."""

import pickle
from functools import partial

import torch
from torch import nn

from mine_lightning.estimator import MINE
from mine_lightning.networks import ConvEncoder, ConvStatistics, MLPStatistics
from mine_lightning.networks.pairs import PairLogit
from mine_lightning.types import Code, PlanePoint


def test_a_statistics_factory_makes_t_from_two_shapes():
    for factory, x, z in ((MLPStatistics, (3,), (2,)), (partial(ConvStatistics, hidden=8), (1, 8, 8), (2,))):
        assert factory(x, z)(torch.zeros(4, *x), torch.zeros(4, *z)).shape == (4,)


def test_an_optimizer_factory_takes_the_parameters_alone():
    for factory in (torch.optim.Adam, partial(torch.optim.SGD, lr=0.1)):
        mine = MINE(MLPStatistics, (1,), (1,), optimizer=factory)
        trained = mine.configure_optimizers().param_groups[0]["params"]
        assert set(trained) == {parameter for parameter in mine.parameters() if parameter.requires_grad}


def test_a_module_factory_takes_a_size_and_a_joint_factory_two():
    assert ConvEncoder(5)(torch.zeros(2, 3, 28, 28)).shape == (2, 5)
    assert isinstance(PairLogit(6, 5), nn.Module)


def test_a_point_of_the_plane_is_saved_as_plain_data():
    point = PlanePoint(epoch=3, layer="encoder", mi_x=1.5, mi_y=0.5, pairs=100)
    assert PlanePoint(*list(point)) == pickle.loads(pickle.dumps(point)) == point
    assert list(point) == [3, "encoder", 1.5, 0.5, 100]


def test_a_code_need_not_have_a_density():
    z = torch.zeros(2, 3)
    assert Code(z) == Code(z=z, mean=None, std=None)
    assert Code(z, z, z)._fields == ("z", "mean", "std")
