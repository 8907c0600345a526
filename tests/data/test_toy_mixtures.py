"""Toy mixtures have the moments and the curve of their papers; loaders depend on the seed alone."""

import numpy as np
import pytest
import torch

from mine_lightning.data.toy_mixtures import GaussianGrid, Spiral, ToyMixture
from mine_lightning.errors import InputError
from mine_lightning.metrics.high_quality import high_quality_counts


def draw(mixture, n=50_000, seed=1):
    return mixture.sample(n, torch.Generator().manual_seed(seed))


def test_grid_is_that_of_the_papers():
    grid = GaussianGrid()
    expected = {(float(x), float(y)) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(centre) for centre in grid.centres.tolist()} == expected
    points = draw(grid)
    cells = (points / 2).round()
    assert (points - 2 * cells).std().item() == pytest.approx(0.05, rel=0.02)
    _, counts = cells.unique(dim=0, return_counts=True)
    assert len(counts) == 25
    assert counts.float().std() < 4 * (50_000 / 25) ** 0.5 / 2


def test_spiral_follows_the_authors_curve():
    """ALI's code: r = (2 pos + 1) / 3, (r sin 2 pi pos, r cos 2 pi pos) for pos uniform in 0 to 2, plus noise."""
    quiet = draw(Spiral(std=1e-6)).double().numpy()
    radius = np.hypot(*quiet.T)
    position = (3 * radius - 1) / 2
    np.testing.assert_allclose(quiet[:, 0], radius * np.sin(2 * np.pi * position), atol=1e-4)
    np.testing.assert_allclose(quiet[:, 1], radius * np.cos(2 * np.pi * position), atol=1e-4)
    assert np.abs(np.quantile(position, [0, 0.25, 0.5, 0.75, 1]) - [0, 0.5, 1, 1.5, 2]).max() < 0.03
    noise = draw(Spiral()) - torch.from_numpy(quiet)
    assert noise.std().item() == pytest.approx(0.1, rel=0.02)


def test_spirals_centres_lie_on_it_and_divide_it_evenly():
    spiral = Spiral(points=50)
    nearest = torch.cdist(draw(Spiral(std=1e-6)), spiral.centres).min(dim=1)
    assert nearest.values.max() < 0.22  # half of what lies between the outermost two
    share = torch.bincount(nearest.indices, minlength=50) / 50_000
    assert (share - 1 / 50).abs().max() < 0.25 / 50


def test_what_lies_near_the_spiral_are_its_own_points_more_than_its_disks():
    def share(points, radius):
        counts = high_quality_counts(points, Spiral().centres, Spiral().std, radius)
        return counts.sum().item() / len(points)

    own = draw(Spiral())
    square = 3.5 * torch.rand(50_000, 2, generator=torch.Generator().manual_seed(3)) - 1.75
    disk = square[square.norm(dim=1) < 1.75]
    assert share(own, Spiral.radius) == pytest.approx(0.63, abs=0.01)
    assert share(disk, Spiral.radius) == pytest.approx(0.23, abs=0.01)
    assert share(disk, GaussianGrid.radius) == pytest.approx(0.76, abs=0.01)


def module(**arguments):
    return ToyMixture(GaussianGrid(), **{"train_size": 10, "eval_size": 4, "batch_size": 5, **arguments})


def test_loaders_depend_on_the_seed_alone_and_differ_from_each_other():
    def rows(seed):
        data = module(seed=seed)
        return [
            torch.cat(list(loader())) for loader in (data.train_dataloader, data.val_dataloader, data.test_dataloader)
        ]

    first, again, other = rows(0), rows(0), rows(1)
    assert [len(part) for part in first] == [10, 4, 4]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    seen = [tuple(row) for parts in (first, other) for part in parts for row in part.tolist()]
    assert len(set(seen)) == len(seen)


def test_each_epoch_has_its_order_over_the_same_points():
    loader = module().train_dataloader()
    first = torch.cat(list(loader))
    loader.sampler.set_epoch(1)
    second = torch.cat(list(loader))
    assert not torch.equal(first, second)
    assert torch.equal(first.sort(dim=0).values, second.sort(dim=0).values)
    assert module().dataset_name == "25-gaussians"


@pytest.mark.parametrize("sizes", [{"batch_size": 11}, {"batch_size": 0}, {"eval_size": 0}, {"eval_batch_size": 0}])
def test_wrong_sizes_are_told(sizes):
    with pytest.raises(InputError, match="Expected 1 <= batch_size <= train_size"):
        module(**sizes)


@pytest.mark.parametrize("make", [lambda: GaussianGrid(side=0), lambda: GaussianGrid(std=0), lambda: Spiral(points=0)])
def test_a_mixture_of_nothing_is_told(make):
    with pytest.raises(InputError, match="Expected a count of at least 1 and a positive std"):
        make()
