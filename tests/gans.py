"""One row per GAN host, with tiny networks; the tests that every GAN must pass walk all of them."""

from functools import partial

import torch
from cases import adam

from mine_lightning.hosts.adversarial import ZeroCentredPenalty
from mine_lightning.hosts.ali import ALI
from mine_lightning.hosts.alice import ALICE
from mine_lightning.hosts.cycles import AdversarialCycle, SquaredCycle
from mine_lightning.hosts.dcgan import DCGAN
from mine_lightning.hosts.pacgan import PacGAN
from mine_lightning.hosts.unrolled_gan import UnrolledGAN
from mine_lightning.hosts.veegan import VEEGAN
from mine_lightning.networks import ConvDiscriminator, ConvEncoder, ConvGenerator, GaussianEncoder, PairLogit
from mine_lightning.networks.latents import CodeAndNoise

IMAGES = torch.rand(64, 3, 28, 28, generator=torch.Generator().manual_seed(3)) * 2 - 1
BATCHES = IMAGES.split(16)

encoder = partial(ConvEncoder, width=2)
discriminator = partial(ConvDiscriminator, width=2)
stochastic = partial(GaussianEncoder, body=encoder)
pairs = {"joint": partial(PairLogit, hidden=8)}

# what each takes beside generator, latents, optimizers, penalty and schedule
GANS = {
    "dcgan": lambda **arguments: DCGAN(discriminator=discriminator(), **arguments),
    "pacgan": lambda **arguments: PacGAN(discriminator=discriminator, packing=2, **arguments),
    "unrolled_gan": lambda **arguments: UnrolledGAN(discriminator=discriminator(), unroll=2, **arguments),
    "veegan": lambda **arguments: VEEGAN(
        discriminator=discriminator(), reconstructor=encoder, reconstruction=0.1, **pairs, **arguments
    ),
    "ali": lambda **arguments: ALI(discriminator=discriminator(), encoder=stochastic, **pairs, **arguments),
    "alice_l2": lambda **arguments: ALICE(
        discriminator=discriminator(), encoder=stochastic, cycle=SquaredCycle(0.5), **pairs, **arguments
    ),
    "alice_adv": lambda **arguments: ALICE(
        discriminator=discriminator(),
        encoder=stochastic,
        cycle=AdversarialCycle(discriminator, 3, 0.5),
        **pairs,
        **arguments,
    ),
}


def gan(name: str, seed: int = 0, optimizer=adam, penalised: bool = True, schedule=None):
    """Return a host with 2 dimensions of code and 4 of noise, its weights drawn by the seed."""
    torch.manual_seed(seed)
    return GANS[name](
        generator=ConvGenerator(latent=6, width=2),
        latents=CodeAndNoise(2, 4),
        optimizer_g=optimizer,
        optimizer_d=optimizer,
        penalty=ZeroCentredPenalty(1.0, every=2) if penalised else None,
        schedule=schedule,
    )


class Batches(list):
    """Batches as they are: a DataLoader would draw from the global random state."""
