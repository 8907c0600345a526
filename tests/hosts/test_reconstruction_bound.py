r"""What I(x; z) under the encoder's joint does for reconstruction, in closed form where everything is Gaussian.

With q(x, z) = q(x) q(z|x) the encoder's joint, p(x, z) = p(z) p(x|z) the decoder's and R = E_q[-log p(x|z)],

    R = KL(q || p) - I_q(x; z) + H_q(x) - KL(q(z) || p(z)) <= KL(q || p) - I_q(x; z) + H_q(x).

The paper (Belghazi et al., ICML 2018, section 5.2) prints H_q(z) in place of H_q(x). The last test shows that this can
fail. Neither entropy takes anything from what follows for the term: at a given KL(q || p) a larger I_q lowers the bound,
and it is I under the encoder's joint that does.

Of pairs that come from both joints alike, m = (q + p) / 2, the information is

    I_m = (I_q + I_p) / 2 + JS(q(x), p(x)) + JS(q(z), p(z)) - JS(q, p),

so that a term that raises it raises both informations and lowers what the joints differ in beyond their marginals, the
part of KL(q || p) that a discriminator of pairs finds last. Where the joints are one, I_m is I_q is I_p.
"""

import math

import pytest
import torch


def entropy(covariance):
    return 0.5 * (len(covariance) * math.log(2 * math.pi * math.e) + torch.logdet(covariance).item())


def kl(a, b):
    """KL(N(0, a) || N(0, b)), nats."""
    between = torch.linalg.solve(b, a)
    return 0.5 * (torch.trace(between).item() - len(a) - torch.logdet(between).item())


class Systems:
    """x ~ N(0, C), z | x ~ N(Ax, S) for the encoder; z ~ N(0, I), x | z ~ N(Wz, V) for the decoder."""

    def __init__(self, C, A, S, W, V):
        self.x, self.z = C, A @ C @ A.T + S
        cross = C @ A.T
        self.q = torch.cat([torch.cat([C, cross], dim=1), torch.cat([cross.T, self.z], dim=1)])
        prior = torch.eye(len(S), dtype=C.dtype)
        self.p = torch.cat([torch.cat([W @ W.T + V, W], dim=1), torch.cat([W.T, prior], dim=1)])
        error = C - cross @ W.T - W @ cross.T + W @ self.z @ W.T  # covariance of x - Wz under q
        log_volume = len(C) * math.log(2 * math.pi) + torch.logdet(V).item()
        self.R = 0.5 * (log_volume + torch.trace(torch.linalg.solve(V, error)).item())
        self.information = entropy(self.x) + entropy(self.z) - entropy(self.q)
        self.kl, self.kl_z = kl(self.q, self.p), kl(self.z, prior)


def draw(dx, dz, seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def covariance(d):
        root = normal(d, d)
        return root @ root.T / d + 0.1 * torch.eye(d, dtype=torch.float64)

    return Systems(scale * covariance(dx), 0.5 * normal(dz, dx), 0.3 * covariance(dz), normal(dx, dz), covariance(dx))


CASES = [(dx, dz, seed) for dx, dz in ((1, 1), (3, 2), (2, 4)) for seed in range(5)]


@pytest.mark.parametrize(("dx", "dz", "seed"), CASES)
def test_the_bound_with_the_entropy_of_x_and_its_gap(dx, dz, seed):
    s = draw(dx, dz, seed)
    bound = s.kl - s.information + entropy(s.x)
    assert bound >= s.R
    assert bound - s.R == pytest.approx(s.kl_z, rel=1e-9)


def test_reconstruction_in_closed_form_is_the_mean_over_draws():
    s = draw(2, 1, 0)
    root = torch.linalg.cholesky(s.q)
    pairs = torch.randn(400_000, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) @ root.T
    decoder = torch.distributions.MultivariateNormal(
        pairs[:, 2:] @ s.p[2:, :2], s.p[:2, :2] - s.p[:2, 2:] @ s.p[2:, :2]
    )
    assert -decoder.log_prob(pairs[:, :2]).mean().item() == pytest.approx(s.R, rel=0.01)


def test_once_the_joints_match_more_information_is_less_error():
    """p = q for an encoder with prior marginal: R is H(x) - I(x; z), whichever joint I is read under."""
    one, errors, informations = torch.eye(1, dtype=torch.float64), [], []
    for rho in (0.1, 0.5, 0.9, 0.99):
        s = Systems(one, rho * one, (1 - rho**2) * one, rho * one, (1 - rho**2) * one)
        assert s.kl == pytest.approx(0, abs=1e-9)
        assert s.information == pytest.approx(-0.5 * math.log(1 - rho**2))
        assert pytest.approx(entropy(one) - s.information) == s.R
        errors.append(s.R)
        informations.append(s.information)
    assert errors == sorted(errors, reverse=True)
    assert informations == sorted(informations)


def test_information_without_a_match_of_the_joints_bounds_nothing():
    """A decoder whose x tells z exactly, beside an encoder that pairs x with the opposite z: R is large, I_p too."""
    one = torch.eye(1, dtype=torch.float64)
    rho = 0.99
    agree = Systems(one, rho * one, (1 - rho**2) * one, rho * one, (1 - rho**2) * one)
    oppose = Systems(one, -rho * one, (1 - rho**2) * one, rho * one, (1 - rho**2) * one)
    assert agree.information == pytest.approx(oppose.information)
    assert oppose.R > agree.R + 50
    assert oppose.kl - oppose.information + entropy(oppose.x) + 1e-9 >= oppose.R


def test_the_bound_with_the_entropy_of_z_can_fail():
    """Scaling x moves H_q(x) and leaves I, H_q(z) and, with a decoder that follows, KL(q || p) as they are."""

    def at(scale):
        one, rho = torch.eye(1, dtype=torch.float64), 0.8
        return Systems(
            scale**2 * one, rho / scale * one, (1 - rho**2) * one, scale * rho * one, scale**2 * (1 - rho**2) * one
        )

    printed = {scale: at(scale).kl - at(scale).information + entropy(at(scale).z) for scale in (0.5, 1.0, 2.0)}
    assert printed[0.5] > at(0.5).R
    assert pytest.approx(printed[1.0]) == at(1.0).R
    assert printed[2.0] + 0.5 < at(2.0).R
    assert pytest.approx(at(2.0).kl - at(2.0).information + entropy(at(2.0).x)) == at(2.0).R


def entropy_of(table):
    return -torch.special.xlogy(table, table).sum().item()


def information_of(table):
    return entropy_of(table.sum(1)) + entropy_of(table.sum(0)) - entropy_of(table)


def divergence_of(a, b):
    """The Jensen-Shannon divergence, nats: the mixture's entropy less the mean of the two."""
    return entropy_of((a + b) / 2) - (entropy_of(a) + entropy_of(b)) / 2


@pytest.mark.parametrize("seed", range(5))
def test_the_information_of_both_joints_together(seed):
    generator = torch.Generator().manual_seed(seed)
    q, p = torch.rand(2, 4, 6, generator=generator, dtype=torch.float64).pow(3)
    q, p = q / q.sum(), p / p.sum()
    marginals = divergence_of(q.sum(0), p.sum(0)) + divergence_of(q.sum(1), p.sum(1))
    expected = (information_of(q) + information_of(p)) / 2 + marginals - divergence_of(q, p)
    assert information_of((q + p) / 2) == pytest.approx(expected, abs=1e-12)
    assert information_of((q + q) / 2) == pytest.approx(information_of(q))


def test_joints_that_oppose_each_other_tell_nothing_together():
    """The encoder pairs x with one z and the decoder with the other: I_q and I_p are ln 2 nats each, I_m is 0."""
    same = torch.eye(2, dtype=torch.float64) / 2
    opposite = same.flip(0)
    assert information_of(same) == pytest.approx(math.log(2))
    assert information_of(opposite) == pytest.approx(math.log(2))
    assert information_of((same + opposite) / 2) == pytest.approx(0, abs=1e-12)
