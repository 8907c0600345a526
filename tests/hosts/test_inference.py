"""What a host with an encoder returns: its own images there and back, of draws that are the same each time."""

import gans
import torch
from cases import trainer

from mine_lightning.hosts.inference import inferred
from mine_lightning.networks.latents import CodeAndNoise


def fitted(tmp_path):
    host = gans.gan("ali")
    trainer(tmp_path).fit(host, gans.Batches(gans.BATCHES[:1]))
    return host.eval()


@torch.no_grad()
def test_the_reconstruction_is_decoded_from_the_code_that_is_returned(tmp_path):
    host, x = fitted(tmp_path), gans.BATCHES[1]
    found = inferred(host, x, 0, stream=1)
    assert set(found) == {"samples", "x", "code", "reconstruction"}
    assert found["x"] is x
    torch.testing.assert_close(found["reconstruction"], host.generator(found["code"]))
    mean, log_std = host.encoder.moments(x)
    standard = (found["code"] - mean) / log_std.exp()
    assert 0.5 < standard.std() < 1.5  # one draw, no mean


@torch.no_grad()
def test_draws_are_the_same_at_each_evaluation_and_the_random_state_stays(tmp_path):
    host, x = fitted(tmp_path), gans.BATCHES[1]
    before = torch.get_rng_state()
    first, again = inferred(host, x, 3, stream=0)["code"], inferred(host, x, 3, stream=0)["code"]
    assert torch.equal(first, again)
    assert torch.equal(before, torch.get_rng_state())
    for other in (inferred(host, x, 4, stream=0), inferred(host, x, 3, stream=1)):
        assert not torch.equal(first, other["code"])


@torch.no_grad()
def test_the_noise_of_the_codes_is_not_that_of_the_latents(tmp_path):
    """Else a decoded image and the code of another pair share it, and no marginal pair is independent."""
    host, x, seen = fitted(tmp_path), gans.BATCHES[1], []
    host.latents = CodeAndNoise(code=0, noise=host.latents.size)
    host.generator.register_forward_hook(lambda module, arguments, output: seen.append(arguments[0]))
    found = inferred(host, x, 0, stream=0)
    mean, log_std = host.encoder.moments(x)
    noise = (found["code"] - mean) / log_std.exp()
    assert not torch.isclose(noise, seen[-1], atol=1e-3).any()


@torch.no_grad()
def test_the_newest_call_of_the_generator_is_on_latents_of_the_prior(tmp_path):
    """val/mi under the decoder's joint captures the newest call; it must not be that on codes."""
    host, seen = fitted(tmp_path), []
    host.generator.register_forward_hook(lambda module, arguments, output: seen.append((arguments[0], output)))
    found = inferred(host, gans.BATCHES[1], 0, stream=0)
    assert torch.equal(seen[-1][1], found["samples"])
    assert (seen[-1][0][:, :2].abs() <= 1).all()  # the uniform code
