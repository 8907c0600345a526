"""Each image stands left of its own reconstruction; what is no image is left out."""

import torch

from mine_lightning.views.reconstructions import Reconstructions


def test_images_stand_left_of_their_reconstructions(tmp_path):
    images = torch.full((3, 1, 4, 4), -1.0)
    images[1] = 1.0
    picture = Reconstructions(tmp_path, count=2).draw(torch.zeros(3, 1, 4, 4), images, None)
    cells = [picture[2:6, 2 + 6 * column : 6 + 6 * column].unique().tolist() for column in range(4)]
    assert cells == [[0], [128], [255], [128]]
    assert picture.shape[1] == 2 + 6 * 4  # two pairs, the third is beyond the count


def test_what_is_no_batch_of_images_makes_no_picture(tmp_path):
    view = Reconstructions(tmp_path)
    assert view.draw(torch.zeros(3, 2), torch.zeros(3, 2), None) is None
    assert view.draw(torch.zeros(3, 1, 4, 4), [torch.zeros(3, 1, 4, 4)], None) is None
