"""What needs no encoder: the scores of the mean image and of another image as every test image's reconstruction.

``python benchmarks/reconstruction_floors.py`` for MNIST, with ``--faces`` for CelebA. Read the reconstruction tables
beside them: a row that is no better than the mean image reconstructs nothing.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

from mine_lightning import CelebA, MNISTDigits
from mine_lightning.judges.attributes import AttributeJudge
from mine_lightning.judges.digits import DigitJudge
from mine_lightning.metrics.label_agreement import LabelAgreement
from mine_lightning.metrics.pair_similarity import PairSimilarity
from mine_lightning.metrics.reconstruction_error import ReconstructionError


@torch.inference_mode()
def scores(judge: DigitJudge | AttributeJudge, x: Tensor, reconstruction: Tensor) -> str:
    error, kept, similarity = ReconstructionError(), LabelAgreement(), PairSimilarity()
    for image, again in zip(x.split(500), reconstruction.split(500), strict=True):
        error.update(image, again)
        kept.update(judge.read(image), judge.read(again))
        similarity.update(image, again)
    return f"error {error.compute():.2f}, kept {kept.compute():.1%}, MS-SSIM {similarity.compute():.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", action="store_true", help="CelebA in place of MNIST")
    parser.add_argument("--root", default=None, help="of the data; MINE_LIGHTNING_DATA by default")
    options = parser.parse_args()
    data = CelebA(root=options.root) if options.faces else MNISTDigits(root=options.root)
    data.prepare_data()
    data.setup("fit")  # the judge is trained on what the hosts are trained on
    data.setup("test")
    judge = AttributeJudge.trained_on(data.faces) if isinstance(data, CelebA) else DigitJudge.trained_on(data.digits)
    x = torch.cat(list(data.test_dataloader()))
    print(f"{len(x)} test images of {data.dataset_name}")
    print("the mean image:", scores(judge, x, x.mean(dim=0, keepdim=True).expand_as(x)))
    print("another image: ", scores(judge, x, x.roll(1, dims=0)))


if __name__ == "__main__":
    main()
