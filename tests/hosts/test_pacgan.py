"""Packs hold whole images next to each other, and with one image a pack PacGAN is DCGAN bitwise."""

import gans
import pytest
import torch
from cases import adam, assert_same, trainer

from mine_lightning.errors import InputError
from mine_lightning.hosts.adversarial import ZeroCentredPenalty, discriminator_loss, generator_loss
from mine_lightning.hosts.pacgan import PacGAN, pack
from mine_lightning.networks import ConvGenerator
from mine_lightning.networks.latents import CodeAndNoise


def test_a_pack_is_images_that_follow_each_other_on_one_channel_axis():
    images = torch.randn(6, 3, 5, 4)
    packs = pack(images, 2)
    assert packs.shape == (3, 6, 5, 4)
    for number, whole in enumerate(packs):
        assert torch.equal(whole, torch.cat([images[2 * number], images[2 * number + 1]]))
    assert torch.equal(pack(torch.arange(8.0).reshape(4, 2), 2), torch.tensor([[0.0, 1, 2, 3], [4, 5, 6, 7]]))


def test_a_batch_that_makes_no_whole_packs_is_told():
    with pytest.raises(InputError, match=r"Expected batches of a multiple of 3 samples, .* but got 16; change"):
        pack(gans.BATCHES[0], 3)


@pytest.mark.parametrize("sizes", [{"packing": 0}, {"channels": 0}])
def test_wrong_sizes_are_told(sizes):
    with pytest.raises(InputError, match="Expected packing and channels of at least 1"):
        PacGAN(ConvGenerator(6), gans.discriminator, CodeAndNoise(2, 4), **sizes)


def packed(packing, seed=0):
    torch.manual_seed(seed)
    generator, latents = ConvGenerator(6, width=2), CodeAndNoise(2, 4)
    return PacGAN(generator, gans.discriminator, latents, packing, 3, adam, adam, ZeroCentredPenalty(1.0, every=2))


def test_with_one_image_a_pack_it_is_dcgan_bitwise(tmp_path):
    def fit(host):
        torch.manual_seed(4)
        trainer(tmp_path, max_epochs=2).fit(host, gans.Batches(gans.BATCHES))
        return dict(host.state_dict())

    plain = fit(gans.gan("dcgan"))
    assert_same(fit(packed(1)), plain)
    assert not torch.equal(fit(packed(2))["generator.dense.weight"], plain["generator.dense.weight"])


def test_both_losses_are_those_of_packs(tmp_path):
    host, reference = packed(2), packed(2)
    host.penalty = None
    run = trainer(tmp_path)
    torch.manual_seed(4)
    run.fit(host, gans.Batches(gans.BATCHES[:1]))

    torch.manual_seed(4)
    fake = reference.generator(reference.latents(16, torch.device("cpu")))
    real, made = (torch.cat([images[0::2], images[1::2]], dim=1) for images in (gans.BATCHES[0], fake))
    loss_d = discriminator_loss(reference.discriminator(real), reference.discriminator(made.detach()))
    torch.testing.assert_close(run.callback_metrics["train/loss_d"], loss_d.detach())
    optimizer = adam(reference.discriminator.parameters())
    loss_d.backward()
    optimizer.step()
    loss_g = generator_loss(reference.discriminator(made))
    torch.testing.assert_close(run.callback_metrics["train/loss_g"], loss_g.detach(), rtol=1e-4, atol=1e-5)
