"""A row goes from one image to the next by equal steps between their codes."""

import pytest
import torch
from pytorch_lightning import LightningModule

from mine_lightning.views.interpolations import Interpolations


class Host(LightningModule):
    """Decodes a code to an image of its one shade."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.eye(1))

    def forward(self, codes):
        return (codes @ self.weight)[:, :, None, None].expand(-1, 1, 4, 4)


host = Host().requires_grad_(False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_row_is_image_decoded_codes_image(tmp_path, dtype):
    codes = torch.tensor([[-1.0], [1.0], [0.0], [0.5], [1.0]])
    batch = torch.tensor([-0.5, 0.5, 1.0, -1.0, 0.0]).view(5, 1, 1, 1).expand(5, 1, 4, 4)
    picture = Interpolations(tmp_path, rows=4, steps=5).draw(codes, batch, Host().requires_grad_(False).to(dtype))
    cells = [
        [picture[2 + 6 * row, 2 + 6 * column, 0].item() for column in range(7)]
        for row in range(2)  # five images make two pairs
    ]
    assert cells[0] == [64, 0, 64, 128, 191, 255, 191]
    assert cells[1] == [255, 128, 143, 159, 175, 191, 0]
    assert picture.shape == (2 + 6 * 2, 2 + 6 * 7, 3)


def test_other_outputs_make_no_picture(tmp_path):
    view = Interpolations(tmp_path)
    images = torch.zeros(4, 1, 4, 4)
    assert view.draw(images, images, host) is None
    assert view.draw(torch.zeros(1, 2), images[:1], host) is None
    assert view.draw(torch.zeros(4, 2), torch.zeros(4, 2), host) is None
