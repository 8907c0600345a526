"""What the information plane shows, read off its artists."""

import math

import pytest
from matplotlib.colors import to_rgb

from mine_lightning.types import PlanePoint
from mine_lightning.views.information_plane import information_plane


def points(pairs=1000):
    return [
        PlanePoint(epoch, layer, 0.5 * epoch + shift, 0.3 * epoch, pairs)
        for epoch in range(3)
        for shift, layer in ((0.0, "encoder"), (0.2, "head"))
    ]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_a_line_for_each_layer_through_its_points_in_order():
    axes = information_plane(points()).axes[0]
    encoder, head = axes.lines
    assert list(encoder.get_xdata()) == [0.0, 0.5, 1.0]
    assert list(head.get_xdata()) == [0.2, 0.7, 1.2]
    assert tuple(encoder.get_color()) != tuple(head.get_color())


def test_axes_are_in_nats_and_layers_are_named():
    figure = information_plane(points())
    assert figure.axes[0].get_xlabel() == "I(x; layer), nats"
    assert figure.axes[0].get_ylabel() == "I(layer; y), nats"
    assert [text.get_text() for text in figure.legends[0].texts] == ["encoder", "head"]
    assert figure.axes[1].get_ylabel() == "epoch"


def test_points_darken_as_epochs_pass():
    shown = information_plane(points()).axes[0].collections[0]
    light = [sum(colour[:3]) for colour in shown.get_facecolors()]
    assert light[0] == 3.0
    assert light[0] > light[1] > light[2]


def test_one_epoch_is_drawn_in_full_and_needs_no_scale():
    figure = information_plane(points()[:2])
    assert len(figure.axes) == 1
    shown = figure.axes[0].collections[0]
    assert to_rgb(shown.get_facecolors()[0]) == pytest.approx(to_rgb(shown.get_edgecolors()[0]))


def test_the_limit_of_the_pairs_is_marked_where_a_value_comes_near_it():
    far, near = (information_plane(points(pairs)).axes[0] for pairs in (1000, 5))
    assert texts(far) == []
    assert texts(near) == ["ln 5: the limit of 5 held-out pairs"]
    assert near.lines[-1].get_xdata()[0] == pytest.approx(math.log(5))


def test_the_limit_of_the_classes_is_marked_and_in_sight():
    axes = information_plane(points(), classes=10).axes[0]
    assert texts(axes) == ["ln 10: the limit of 10 classes"]
    assert axes.lines[-1].get_ydata()[0] == pytest.approx(math.log(10))
    assert math.log(10) < axes.get_ylim()[1]
