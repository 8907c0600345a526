"""A discriminator of pairs is that of images plus what depends on the pair, from one pass over the image."""

import pytest
import torch

from mine_lightning.networks import ConvDiscriminator, MLPDiscriminator, PairDiscriminator, PairLogit

CASES = [(lambda: ConvDiscriminator(width=2), (3, 28, 28)), (lambda: MLPDiscriminator(2, (8,)), (2,))]


@pytest.mark.parametrize(("make", "shape"), CASES)
def test_logit_is_the_images_plus_the_pairs(make, shape):
    pairs, x, z = PairDiscriminator(make(), latent=4).eval(), torch.randn(5, *shape), torch.randn(5, 4)
    joint = pairs.joint
    h = torch.cat([pairs.images.features(x), joint.embedding(z)], dim=1)
    expected = pairs.images(x) + joint.output(joint.body(h))[:, 0]
    torch.testing.assert_close(pairs(x, z), expected)


@pytest.mark.parametrize(("make", "shape"), CASES)
def test_gradient_reaches_image_code_and_every_weight(make, shape):
    pairs = PairDiscriminator(make(), latent=4)
    x, z = torch.randn(5, *shape, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    logits = pairs(x, z)
    assert logits.shape == (5,)
    logits.square().sum().backward()
    assert all(tensor.grad.abs().sum() > 0 for tensor in (x, z, *pairs.parameters()))


def test_hidden_width_is_as_asked():
    assert PairLogit(6, 3, hidden=9).output.in_features == 9
