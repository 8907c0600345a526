"""CelebA's folder layout with images that a test makes: one shade of grey each, and attributes that can be seen."""

from pathlib import Path

import torch
from PIL import Image


def write_faces(root: Path, n: int = 40, listed: int = 40, size: tuple[int, int] = (89, 109), partition=None) -> Path:
    """Write n images, bright where the first of three attributes is set, and return the folder that ``root`` means.

    Args:
        root: gets ``celeba/img_align_celeba/000001.jpg`` and the lists beside it.
        n: number of images.
        listed: number of images with attributes; 0 for no list.
        size: width and height, pixels.
        partition: split of each image, or None for no list.
    """
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{number + 1:06d}.jpg" for number in range(n)]
    draw = torch.Generator().manual_seed(0)
    rows = (torch.rand(n, 3, generator=draw) < 0.5).tolist()
    for name, (bright, *_) in zip(names, rows, strict=True):
        noise = torch.randint(60, (size[1], size[0], 3), dtype=torch.uint8, generator=draw)
        Image.fromarray((noise + 180 * bright).numpy()).save(folder / "img_align_celeba" / name)
    if listed:
        lines = [str(listed), "Bright Other Third"]
        lines += [
            f"{name} " + " ".join("1" if has else "-1" for has in row) for name, row in zip(names, rows, strict=True)
        ]
        (folder / "list_attr_celeba.txt").write_text("\n".join(lines[: listed + 2]) + "\n")
    if partition is not None:
        lines = [f"{name} {split}" for name, split in zip(names, partition, strict=False)]
        (folder / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    return root
