"""The numbers that were published, in one place: what a result here is set beside.

``CHECKED`` says that the number was read in the table that the source names; ``UNCHECKED`` that it is quoted as it is
known, without the paper at hand. Units: ``kl`` in nats, ``high_quality`` and ``recon_accuracy`` as shares of 1,
``recon_error`` as the mean Euclidean norm of x - x̂ on pixels in [-1, 1], ``test_error_percent`` in percent.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CHECKED", "UNCHECKED", "Number", "Published", "published_row"]

CHECKED = "read in the table"
UNCHECKED = "quoted, the paper was not at hand"


@dataclass(frozen=True)
class Number:
    """A published number.

    Attributes:
        value: it.
        error: what stands behind its ±, or None.
        digits: behind the point, as printed.
    """

    value: float
    error: float | None = None
    digits: int = 2

    def __str__(self) -> str:
        spread = "" if self.error is None else f" ± {self.error:g}"
        return f"{self.value:.{self.digits}f}{spread}"


@dataclass(frozen=True)
class Published:
    """One row of a published table.

    Attributes:
        system: what it calls the row.
        metrics: its numbers, under the names that the metrics have here.
        source: paper and table.
        certainty: ``CHECKED`` or ``UNCHECKED``.
    """

    system: str
    metrics: dict[str, Number]
    source: str
    certainty: str = CHECKED


MINE = "Belghazi et al., ICML 2018"
TABLE_1 = f"{MINE}, Table 1 (larger nets, more steps)"
PACGAN_3 = "Lin et al., PacGAN, NeurIPS 2018, Table 3 (discriminator a quarter of the generator, 500,000 steps)"
VEEGAN_GRID = "Srivastava et al., VEEGAN, NeurIPS 2017, 2D grid (other nets and steps)"
TABLE_2 = f"{MINE}, Table 2"
TABLE_3 = f"{MINE}, Table 3"


def _modes(modes: float, kl: float, errors: tuple[float, float] | None = None) -> dict[str, Number]:
    of_modes, of_kl = errors or (None, None)
    return {"modes": Number(modes, of_modes, 1), "kl": Number(kl, of_kl)}


def _grid(modes: float, high_quality: float) -> dict[str, Number]:
    return {"modes": Number(modes, None, 1), "high_quality": Number(high_quality, None, 3)}


def _pairs(error: float, accuracy_percent: float, ms_ssim: float) -> dict[str, Number]:
    return {
        "recon_error": Number(error),
        "recon_accuracy": Number(accuracy_percent / 100, None, 4),
        "ms_ssim": Number(ms_ssim),
    }


# the four are quoted in Table 1 from VEEGAN's and PacGAN's own tables, where they were read
_STACKED = {
    "gan_stacked_mnist": Published("GAN+MINE", _modes(1000, 0.05, (0.0, 0.0069)), TABLE_1, UNCHECKED),
    "gan_stacked_mnist_dcgan": Published("DCGAN", _modes(99.0, 3.40), TABLE_1),
    "gan_stacked_mnist_pacgan": Published("PacGAN", _modes(1000, 0.06, (0.0, 0.01)), TABLE_1, UNCHECKED),
    "gan_stacked_mnist_unrolled": Published("Unrolled GAN", _modes(48.7, 4.32), TABLE_1),
    "gan_stacked_mnist_veegan": Published("VEEGAN", _modes(150.0, 2.95), TABLE_1),
    "gan_stacked_mnist_ali": Published("ALI", _modes(16.0, 5.40), TABLE_1),
}

# by experiment and protocol
_ROWS: dict[tuple[str, str], Published] = {
    **{(name, protocol): row for name, row in _STACKED.items() for protocol in ("default", "paper", "no_penalty")},
    ("gan_stacked_mnist_dcgan", "small"): Published("DCGAN", _modes(78.5, 5.21, (17.56, 0.19)), PACGAN_3),
    ("gan_stacked_mnist_unrolled", "small"): Published(
        "Unrolled GAN, 5 steps", _modes(236.4, 4.67, (63.30, 0.43)), PACGAN_3
    ),
    ("gan_stacked_mnist_pacgan", "small"): Published("PacGAN2", _modes(484.5, 2.61, (32.99, 0.22)), PACGAN_3),
    ("pacgan4", "small"): Published("PacGAN4", _modes(667.4, 1.81, (29.00, 0.15)), PACGAN_3),
    ("gan_25gaussians", "default"): Published("GAN", _grid(3.3, 0.005), VEEGAN_GRID),
    ("ali_25gaussians", "default"): Published("ALI", _grid(15.8, 0.016), VEEGAN_GRID),
    ("unrolled_25gaussians", "default"): Published("Unrolled GAN, 5 steps", _grid(23.6, 0.16), VEEGAN_GRID),
    ("veegan_25gaussians", "default"): Published("VEEGAN", _grid(24.6, 0.40), VEEGAN_GRID),
    # read in the ICLR version, whose rows are ALI, ALICE and MINE
    ("ali_mnist", "default"): Published("ALI", _pairs(14.24, 45.95, 0.97), TABLE_2),
    ("alice_l2_mnist", "default"): Published("ALICE(l2)", _pairs(3.20, 99.03, 0.97), TABLE_2, UNCHECKED),
    ("alice_adv_mnist", "default"): Published("ALICE(Adv.)", _pairs(5.20, 98.17, 0.98), TABLE_2),
    ("ali_mine_mnist", "default"): Published("MINE", _pairs(9.73, 96.10, 0.99), TABLE_2),
    ("ali_celeba", "default"): Published("ALI", _pairs(53.75, 57.49, 0.81), TABLE_2),
    ("alice_l2_celeba", "default"): Published("ALICE(l2)", _pairs(8.01, 32.22, 0.93), TABLE_2, UNCHECKED),
    ("alice_adv_celeba", "default"): Published("ALICE(Adv.)", _pairs(92.56, 48.95, 0.51), TABLE_2),
    ("ali_mine_celeba", "default"): Published("MINE", _pairs(36.11, 76.08, 0.99), TABLE_2),
    **{
        (f"ib_mnist_{name}", protocol): Published(system, {"test_error_percent": Number(percent)}, TABLE_3, UNCHECKED)
        for protocol in ("default", "ib_paper")
        for name, system, percent in (
            ("baseline", "Baseline", 1.38),
            ("dropout", "Dropout", 1.34),
            ("confidence_penalty", "Confidence penalty", 1.36),
            ("label_smoothing", "Label smoothing", 1.40),
            ("dvb", "DVB", 1.13),
            ("dvb_noise", "DVB + Additive noise", 1.06),
            ("mine_gaussian", "MINE (Gaussian)", 1.11),
            ("mine_propagated", "MINE (Propagated)", 1.10),
            ("mine_additive", "MINE (Additive)", 1.01),
        )
    },
}


def published_row(experiment: str, protocol: str = "default") -> Published | None:
    """Return the published row that an experiment under a protocol is set beside, or None where there is none."""
    return _ROWS.get((experiment, protocol))
