"""What a host with an encoder returns from an evaluation step: samples, and its images there and back again."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mine_lightning.hosts.alternation import samples
from mine_lightning.streams import evaluation_seed, private_stream

__all__ = ["inferred"]

# above all seeds of `samples`: seeded alike, the codes' noise and the prior's latents were the same numbers
_CODES = 2**31


def inferred(host: Any, x: Tensor, batch_idx: int, stream: int) -> dict[str, Tensor]:
    """Return ``samples`` and ``x``, its ``code`` E(x) and its ``reconstruction`` G(E(x)), float32.

    The code is one draw of q(z|x), over which the reconstruction error of Belghazi et al., ICML 2018, section 5.2 is
    an expectation; the draws are the same at every evaluation, and the global random state does not move.

    Args:
        host: has ``encoder``, ``generator`` and ``latents``.
        x: images ``[n, c, h, w]``.
        batch_idx: of the evaluation.
        stream: 0 in validation, 1 in the test.
    """
    with private_stream(host.device, _CODES + evaluation_seed(host, batch_idx, stream)):
        code = host.encoder(x)
    reconstruction = host.generator(code).float()
    # samples last: who captures the generator's newest call on held-out data finds latents of the prior
    return {"x": x, "code": code.float(), "reconstruction": reconstruction, **samples(host, len(x), batch_idx, stream)}
