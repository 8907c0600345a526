"""The tables of ``RESULTS.md``, as data: what they are called, which metrics they have, which runs are their rows.

To add a table: a :class:`Section` in ``SECTIONS``, and its published numbers in ``mine_lightning/published.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from mine_lightning.published import published_row

__all__ = ["BETAS", "FIGURES", "SECTIONS", "Column", "Figure", "Row", "Section"]


@dataclass(frozen=True)
class Column:
    """A metric of a table.

    Attributes:
        key: its name in a summary.
        title: what heads the column.
        spec: how a mean is printed.
    """

    key: str
    title: str
    spec: str


MODES = (Column("modes", "modes", ".1f"), Column("kl", "KL, nats", ".3f"))
QUALITY = (Column("modes", "modes", ".1f"), Column("high_quality", "high quality", ".3f"))
PAIRS = (
    Column("recon_error", "error", ".2f"),
    Column("recon_accuracy", "accuracy", ".4f"),
    Column("ms_ssim", "MS-SSIM", ".3f"),
)
_OLD_FGSM = Column("fgsm_of_probability_error_percent", "under FGSM of the probability, %", ".1f")
BETAS = ("0", "1e-4", "1e-3", "1e-2", "1e-1")  # of the overlays ib_beta_*.yaml
ERROR = (
    Column("test_error_percent", "test error, %", ".2f"),
    Column("fgsm_error_percent", "under FGSM, %", ".1f"),
    Column("noisy_error_percent", "under noise, %", ".1f"),
)


@dataclass(frozen=True)
class Row:
    """A system of a table.

    Attributes:
        title: what it is called.
        experiment: the config's name; of a row that was published and has no config here, its key in ``published``.
        protocol: an overlay, or default.
        ours: whether there is such an experiment here.
    """

    title: str
    experiment: str
    protocol: str = "default"
    ours: bool = True


@dataclass(frozen=True)
class Section:
    """A table.

    Attributes:
        title: its heading.
        text: what one must know to read it.
        columns: its metrics.
        rows: its systems.
        dataset: what the data set's name starts with; a table of one data set never mixes in another.
        curves: whether a table of modes and KL by step follows.
        beside: whether published numbers stand beside; where no row has any they do not anyway.
        against: title of the row that the others are set against, in a column for the first metric; or none.
        picture: in ``results/pictures/``, shown below the table once it is there; or none.
    """

    title: str
    text: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    dataset: str = "mnist"
    curves: bool = False
    beside: bool = True
    against: str = ""
    picture: str = ""

    @property
    def which(self) -> tuple[str, ...]:
        """Whose numbers the table has, under each metric."""
        rows = (published_row(row.experiment, row.protocol) for row in self.rows)
        return ("published", "here") if self.beside and any(rows) else ("here",)


@dataclass(frozen=True)
class Figure:
    """A picture that an experiment leaves in ``results/pictures/EXPERIMENT.png``.

    Attributes:
        experiment: the config's name.
        title: its heading.
        text: what one must know to read it.
    """

    experiment: str
    title: str
    text: str = ""


_SYSTEMS = {
    "gan_stacked_mnist_dcgan": "DCGAN",
    "gan_stacked_mnist_ali": "ALI",
    "gan_stacked_mnist_unrolled": "Unrolled GAN, 5 steps",
    "gan_stacked_mnist_veegan": "VEEGAN",
    "gan_stacked_mnist_pacgan": "PacGAN2",
    "gan_stacked_mnist": "GAN+MINE",
}


def _stacked(protocol: str) -> tuple[Row, ...]:
    return tuple(Row(title, name, protocol) for name, title in _SYSTEMS.items())


def _four(ending: str) -> tuple[Row, ...]:
    names = {"ali": "ALI", "alice_l2": "ALICE(l2)", "alice_adv": "ALICE(Adv.)", "ali_mine": "ALI+MINE"}
    return tuple(Row(title, f"{name}_{ending}") for name, title in names.items())


def _nine(protocol: str) -> tuple[Row, ...]:
    names = {
        "baseline": "Baseline",
        "dropout": "Dropout",
        "confidence_penalty": "Confidence penalty",
        "label_smoothing": "Label smoothing",
        "dvb": "DVB",
        "dvb_noise": "DVB and additive noise",
        "mine_gaussian": "MINE (Gaussian)",
        "mine_propagated": "MINE (Propagated)",
        "mine_additive": "MINE (Additive)",
    }
    return tuple(Row(title, f"ib_mnist_{name}", protocol) for name, title in names.items())


SECTIONS = (
    Section(
        "Stacked MNIST",
        "The paper's Table 1 at the size of the main job: small nets, 4,000 generator steps, a gradient penalty in "
        "every system. The published rows were trained without it, with larger nets and for longer. Modes of 1000, "
        "higher is better; KL from the generated modes to uniform, lower is better.",
        MODES,
        _stacked("default"),
        curves=True,
    ),
    Section(
        "Stacked MNIST, small nets",
        "The small nets of Metz et al. with a discriminator a quarter of the generator's size (`--config small`), "
        "8,000 generator steps at three times the published learning rate (D's at up to fifteen times), where PacGAN's "
        "Table 3 has 500,000, and no "
        "normalisation in D's first layer, as with it little is learnt in so few; no penalty in any system. Each row "
        "has, of what was tried for it, the D's rate and the fall of the rates that had the most modes of the "
        "validation samples over the last three evaluations on trial seeds; GAN+MINE had some forty looks, "
        "DCGAN seventeen, PacGAN2 eight, the others four or five (results/TUNING.md). Modes come and go by the hundred "
        "from one evaluation to the next, and seeds differ as much. Samples of PacGAN2, Unrolled GAN and ALI look "
        "like digits laid over each other, those of GAN+MINE like patches of colour at best in the shape of digits. "
        "GAN+MINE maximises I(G(z); z) here, of all of the latent vector. What ALI and VEEGAN have beside G and D is "
        "cut as these are (D 7,030 parameters, where DCGAN's has 581).",
        MODES,
        (*_stacked("small"), Row("PacGAN4", "pacgan4", "small", ours=False)),
        curves=True,
    ),
    Section(
        "Stacked MNIST, the paper's size",
        "PacGAN's and VEEGAN's large DCGAN (`--config paper`), 128,000 images, 50 epochs, for a GPU; no penalty in any "
        "system.",
        MODES,
        _stacked("paper"),
    ),
    Section(
        "Stacked MNIST, the term and the penalty",
        "What the mutual-information term and the zero-centred gradient penalty each do, at the size of the main job. "
        "Nobody has published this. Both seeds of both, and seed 0 of the term alone, are from before T's moving "
        "average had a limit on what one batch counts, seed 1 of the term alone from after.",
        MODES,
        (
            Row("neither", "gan_stacked_mnist_dcgan", "no_penalty"),
            Row("the term alone", "gan_stacked_mnist", "no_penalty"),
            Row("the penalty alone", "gan_stacked_mnist_dcgan"),
            Row("both", "gan_stacked_mnist"),
        ),
        beside=False,
    ),
    Section(
        "25 Gaussians",
        "Modes of 25, and the share of 2,500 samples within three standard deviations of a mode, by VEEGAN's rule. The "
        "published rows are VEEGAN's: other nets and steps; MINE's paper has the picture alone. All rows have one G, "
        "of tanh, and one D, over low-frequency sines of the point, which are not the paper's and were looked for with "
        "the term on (results/TUNING.md). The picture is of seed 0.",
        QUALITY,
        (
            Row("GAN", "gan_25gaussians"),
            Row("GAN and penalty", "gan_25gaussians_gp"),
            Row("GAN+MINE", "gan_25gaussians_mine"),
            Row("GAN+MINE and penalty", "gan_25gaussians_mine_gp"),
            Row("ALI", "ali_25gaussians", ours=False),
            Row("Unrolled GAN, 5 steps", "unrolled_25gaussians", ours=False),
            Row("VEEGAN", "veegan_25gaussians", ours=False),
        ),
        "25-gaussians",
        picture="gan_25gaussians.png",
    ),
    Section(
        "Spiral",
        "Modes of 100 points along the spiral, and the share of 2,500 samples within one standard deviation of one of "
        "them, which 23% of points spread evenly over its disk are. Published is a picture, no number. G, D and T are "
        "those of the 25 Gaussians at the spiral's scale, not the paper's; they were looked for with the term on. The "
        "picture is of seed 0.",
        QUALITY,
        (Row("GAN", "gan_spiral"), Row("GAN+MINE", "gan_spiral_mine")),
        "spiral",
        picture="gan_spiral.png",
    ),
    Section(
        "Reconstruction, MNIST",
        "The paper's Table 2: mean Euclidean distance of an image and its reconstruction on pixels in [-1, 1], the "
        "share of digits that a judge keeps, and MS-SSIM of the pairs. The mean digit, as the reconstruction of every "
        "test image, has an error of 14.4, keeps 9.8% and has an MS-SSIM of 0.314, another digit 19.9, 8.5% and 0.226 "
        "(`python benchmarks/reconstruction_floors.py`). The published MS-SSIM can't be that of pairs: compare it "
        "within a column only, and it is torchmetrics' own (1.4.2 and later), which mirrors images at their border for "
        "the coarsest scale alone: on 28 pixels that moves it far from that of whole windows (the mean digit's would "
        "be 0.17). T of ALI+MINE sees the pairs of both joints in one batch, which is ours, and was chosen "
        "in more trials than the other rows had. A D with a quarter of the learning rate, and averages of E and G over "
        "steps, were tried on all four rows; "
        "ALI+MINE and ALICE(l2) have them, the two that gained by them on the validation digits (results/TUNING.md).",
        PAIRS,
        _four("mnist"),
    ),
    Section(
        "Reconstruction, CelebA",
        "As above, with attributes for digits. The mean face, as the reconstruction of every test image, has an error "
        "of 55.4, keeps 85.8% of the attributes and has an MS-SSIM of 0.361, another face 78.1, 80.6% and 0.216 "
        "(`python benchmarks/reconstruction_floors.py --faces`). Part of CelebA where the data set's name says so. All "
        "rows have a D of 2.5e-4, averages of E and G and a limit to the deviation of a code. ALICE(Adv.) has a rate "
        "of 2.5e-4 for G and E too, where the others have 1e-3, and the term of ALI+MINE is clipped to ALI's own "
        "gradient; these two had looks at such settings, ALI and ALICE(l2) had none (results/TUNING.md).",
        PAIRS,
        _four("celeba"),
        "celeba",
    ),
    Section(
        "Information bottleneck",
        "The paper's Table 3: test error on permutation-invariant MNIST, at 60 epochs in place of the paper's 200. On "
        "pixels in [-1, 1], FGSM moves each by 0.2 and the noise has a standard deviation of 1. A difference is the "
        "mean over pairs of runs with the same seed. Of 10,000 digits, a standard error is 0.11 to 0.12 points. FGSM "
        "is along the slope of the log-odds. That of the probability vanishes where a classifier is sure, which passed "
        "for robustness: runs from before have it, and those whose checkpoints were still there were attacked again. "
        "T of MINE (Gaussian) sees the code beside its own mean, and the code starts noisy: ours, where the paper's T "
        "sees the digit. Seed 0 of MINE (Propagated) and (Additive) is from before T's moving average had a limit on "
        "what one batch counts, the other seeds from after.",
        (*ERROR, _OLD_FGSM),
        _nine("default"),
        against="Baseline",
    ),
    Section(
        "Information bottleneck, the paper's 200 epochs",
        "The recipe as published (`--config ib_paper`): a learning rate of 1e-4, less 3% every second epoch. The row "
        "that was named beforehand has been run, and the Baseline. The lead is the noise's, as far as one seed shows: "
        "MINE (Additive) without the term (`--mine null`, no row of the table) ended at 1.14, 21.8 under FGSM and 6.5 "
        "under noise, where the same seed with it has 1.11. Attacks as above.",
        ERROR,
        _nine("ib_paper"),
        against="Baseline",
    ),
    Section(
        "Information bottleneck, over the weight of the term",
        "MINE (Gaussian), whose q(z|x) is known, so that I(x; z) lies between two bounds on the 10,000 test digits; "
        "MINE's own value is that on 10,000 held-out training digits. 20 epochs (`--config ib_beta_1e-3`); T sees the "
        "code beside its own mean, and the code starts noisy. Near ln N = 9.21 nats no lower bound is to be trusted, "
        "and the upper one says only that codes do not overlap. MINE's value is that of a T with a limit of 20 nats, "
        "which overstates a code that hardly has noise; where the term is strong, it reads far less than there is. It "
        "was read before T was averaged as the encoder is, by a T that went with the newest weights.",
        (
            Column("mi_upper", "upper bound, nats", ".2f"),
            Column("mi_lower", "lower bound, nats", ".2f"),
            Column("mi", "MINE, nats", ".2f"),
            Column("test_error_percent", "test error, %", ".2f"),
        ),
        tuple(Row(f"β = {beta}", "ib_mnist_mine_gaussian", f"ib_beta_{beta}") for beta in BETAS),
        beside=False,
        picture="ib_beta.png",
    ),
)

FIGURES = (
    Figure(
        "mi_gaussian_2d",
        "Correlated Gaussians in 2 dimensions: MINE, MINE-f, k-NN and the truth",
        "The paper's figure 1, left. 10,000 pairs, mean and range over two data sets. MINE and MINE-f are T on the "
        "concatenated pair, trained by the bound of that name and read on held-out pairs; `estimate_mi` is this "
        "package's own way to do it. In few dimensions k-NN is the best of them.",
    ),
    Figure(
        "mi_gaussian_20d",
        "Correlated Gaussians in 20 dimensions",
        "The paper's figure 1, right. Above ln n no lower bound from n pairs can be trusted; there "
        "`estimate_mi` warns.",
    ),
    Figure(
        "mi_nonlinear",
        "Non-linear dependence: Y = f(X) + σε, and the truth",
        "The paper's figure 2, which it describes as invariant to f. The information is not: the noise is added after "
        "f, and x³ loses most of it near zero. 3,000 pairs in 2 + 2 dimensions.",
    ),
    Figure(
        "mi_consistency",
        "Consistency: error against the number of pairs",
        "Gaussians that share 1 nat in every panel, mean and range over four data sets. The paper's theorem 3 bounds "
        "the pairs needed by the number of T's parameters, which is the same here for all n; what one sees is that "
        "the error of `estimate_mi` falls in 20 dimensions too, where that of k-NN hardly does.",
    ),
)
