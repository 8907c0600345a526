"""Pictures of points: each where it belongs, the generated over the data, and none for images."""

import torch
from cases import adam, tiny_gan, trainer
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.hosts.dcgan import DCGAN
from mine_lightning.networks import MLPDiscriminator, MLPGenerator
from mine_lightning.networks.latents import CodeAndNoise
from mine_lightning.views.points import PointCloud, point_picture

BLUE, GREY, WHITE = [31, 90, 180], [200, 200, 200], [255, 255, 255]


def test_points_lie_where_they_belong_with_y_upwards():
    data = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    generated = torch.tensor([[-1.0, 1.0], [1.0, 1.0], [50.0, 0.0], [float("nan"), 0.0]])
    picture = point_picture(generated, data, side=141, dot=1)
    assert picture.dtype == torch.uint8
    assert picture.shape == (141, 141, 3)
    places = {tuple(place): picture[tuple(place)].tolist() for place in (picture != 255).any(dim=2).nonzero().tolist()}
    # the frame is 2.8 wide: -1 lies at pixel 20 of 0 to 140, and 1 at 120
    assert places == {(20, 20): BLUE, (20, 120): BLUE, (120, 20): GREY}


def test_dots_have_their_size_and_stay_inside():
    picture = point_picture(torch.tensor([[1.39, -1.39]]), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), side=50, dot=3)
    assert (picture == torch.tensor(BLUE)).all(dim=2).sum() == 9


def toy_gan():
    networks = MLPGenerator(4, hidden=(8,)), MLPDiscriminator(2, hidden=(8,)), CodeAndNoise(2, 2)
    return DCGAN(*networks, adam, adam)


def test_one_picture_an_evaluation_named_by_its_batches(tmp_path):
    points = torch.randn(32, 2)
    trainer(tmp_path, PointCloud(tmp_path), max_epochs=2).fit(toy_gan(), DataLoader(points, 8), DataLoader(points, 16))
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["step-000004.png", "step-000008.png"]
    colours = Image.open(tmp_path / "step-000008.png").getcolors()
    assert {colour for _, colour in colours} == {tuple(BLUE), tuple(GREY), tuple(WHITE)}


def test_points_of_a_loader_of_lists_make_no_picture(tmp_path):
    class Listed(DCGAN):
        def validation_step(self, batch, batch_idx):
            return super().validation_step(batch[0], batch_idx)

    networks = MLPGenerator(4, hidden=(8,)), MLPDiscriminator(2, hidden=(8,)), CodeAndNoise(2, 2)
    data = DataLoader(TensorDataset(torch.randn(16, 2)), 8)
    trainer(tmp_path, PointCloud(tmp_path)).validate(Listed(*networks, adam, adam), data, verbose=False)
    assert not list(tmp_path.glob("*.png"))


def test_images_make_no_picture_here(tmp_path):
    images = torch.rand(16, 3, 8, 8)
    trainer(tmp_path, PointCloud(tmp_path)).fit(tiny_gan(), DataLoader(images, 8), DataLoader(images, 8))
    assert not list(tmp_path.glob("*.png"))
