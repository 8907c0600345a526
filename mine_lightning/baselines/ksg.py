"""The k-nearest-neighbour estimator of Kraskov, Stögbauer and Grassberger."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mine_lightning.errors import InputError

__all__ = ["ksg"]


def ksg(x: Any, z: Any, k: int = 3) -> float:
    r"""Return the mutual information in nats by algorithm 1, with the Chebyshev metric in any dimensions.

    .. math:: I = \psi(k) + \psi(n) - \langle \psi(n_x + 1) + \psi(n_z + 1) \rangle

    where :math:`n_x` counts the other samples whose x is strictly nearer than the k-th neighbour in the joint space,
    the distance there being the larger of those of x and z.

    It assumes a density: ties (labels, counts, rounded numbers) make it wrong. Its bias grows with the dimensions
    and with the information; the scale of a coordinate matters.

    Source: Kraskov, Stögbauer, Grassberger, Estimating Mutual Information, Physical Review E 69, 2004, equation 8.

    Args:
        x: samples ``[n]`` or ``[n, *]``, anything that NumPy reads.
        z: their partners ``[n]`` or ``[n, *]``.
        k: neighbours, at least 1 and below n; the authors advise 2 to 4.

    Raises:
        InputError: if x and z are no finite numbers of as many samples, or ``k`` is outside its range.
    """
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    x, z = _vectors(x, "x"), _vectors(z, "z")
    n = len(x)
    if len(z) != n:
        raise InputError(f"Expected as many x as z but got {n} and {len(z)}; give pairs.")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise InputError(f"Expected k to be a whole number of neighbours but got {k!r}; give one.")
    if not 1 <= k < n:
        raise InputError(f"Expected k from 1 to {n - 1} neighbours of {n} samples but got {k}; change k.")
    # the sample itself is its own first neighbour
    radius = cKDTree(np.hstack([x, z])).query(np.hstack([x, z]), k=[k + 1], p=np.inf)[0][:, 0]
    # the counts are of distances strictly below the radius, and the tree's are up to and with it
    below = np.nextafter(radius, 0)
    # each count has the sample itself, which is the "+ 1"; of a duplicate (radius 0) the tree may find none
    counts = (
        np.maximum(cKDTree(side).query_ball_point(side, below, p=np.inf, return_length=True), 1) for side in (x, z)
    )
    return float(digamma(k) + digamma(n) - sum(digamma(count).mean() for count in counts))


def _vectors(given: Any, name: str) -> np.ndarray:
    """Return samples as float64 ``[n, d]``."""
    if np.ma.is_masked(given):
        raise InputError(f"Expected a value in each row of {name} but some are masked; drop those rows.")
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        given = given.float() if given.dtype in (torch.float16, torch.bfloat16) else given
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InputError(f"Expected samples of one shape in {name} but {error}; give an array.") from error
    if array.dtype.kind not in "biuf":
        raise InputError(f"Expected real numbers in {name} but got {array.dtype}; encode it as numbers.")
    if array.ndim == 0 or array.size == 0:
        raise InputError(f"Expected {name} as samples [n] or [n, ...] but got shape {list(array.shape)}; give some.")
    if not np.isfinite(array).all():
        raise InputError(f"Expected finite numbers in {name} but some are NaN or infinite; drop those rows.")
    return array.astype(np.float64).reshape(len(array), -1)
