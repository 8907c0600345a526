"""The judge: accurate, cached, checked, and no part of any host."""

import pytest
import torch
from torch import nn

from mine_lightning.data.digit_images import DigitImages, load_digit_images
from mine_lightning.data.stacked_mnist import StackedDigits
from mine_lightning.errors import InputError
from mine_lightning.judges import digits as judges
from mine_lightning.judges.digits import DigitJudge, stacked_modes
from mine_lightning.metrics.modes import kl_from_uniform, mode_count
from mine_lightning.networks import DigitClassifier


def untrained(monkeypatch):
    monkeypatch.setattr(judges, "_train", lambda digits: DigitClassifier().eval())


def tiny(name="mnist", seed=0):
    images = torch.randint(256, (30, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return DigitImages(name, images, torch.arange(30) % 10, images, torch.arange(30) % 10)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, request):
    """The judge of the bundled digits, trained once for this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mine_lightning.data.digit_images._download", lambda cache: None)
        patch.setenv("MINE_LIGHTNING_CACHE", str(tmp_path_factory.mktemp("empty")))
        digits = load_digit_images()
        return digits, DigitJudge.trained_on(digits, tmp_path_factory.mktemp("judges"))


def test_labels_held_out_digits_right(trained):
    digits, judge = trained
    assert judge.accuracy > 0.95
    found = judge.label(digits.test_images.float() / 127.5 - 1)
    assert (found == digits.test_labels).double().mean().item() == pytest.approx(judge.accuracy)


def test_three_labels_read_as_one_number(trained):
    digits, judge = trained
    right = judge.label(digits.test_images.float() / 127.5 - 1) == digits.test_labels
    chosen = right.nonzero()[:3, 0]
    images = (digits.test_images[chosen].float() / 127.5 - 1)[None]
    a, b, c = digits.test_labels[chosen].tolist()
    assert stacked_modes(judge, images).tolist() == [100 * a + 10 * b + c]


@pytest.mark.gpu
def test_modes_are_the_same_on_a_gpu(trained):
    digits, judge = trained
    images = (digits.test_images[:6].float() / 127.5 - 1).view(2, 3, 28, 28)
    expected = stacked_modes(judge, images)
    assert torch.equal(stacked_modes(judge, images.cuda()).cpu(), expected)


def test_each_channel_of_an_image_is_read(trained):
    digits, judge = trained
    images = digits.test_images[:6].float() / 127.5 - 1
    labels = judge.label(images)
    assert torch.equal(judge.read(images[:, None]), labels[:, None])
    assert torch.equal(judge.read(images.view(2, 3, 28, 28)), labels.view(2, 3))
    with pytest.raises(InputError, match=r"Expected images \[n, c, 28, 28\] .* but got shape \[2, 3, 64, 64\]"):
        judge.read(torch.zeros(2, 3, 64, 64))


def test_floor_of_real_digits_and_ceiling_of_noise_and_of_one_class(trained):
    """What a perfect generator scores, and what two broken ones score, with the same judge."""
    digits, judge = trained
    n = 6000

    def score(images):
        counts = torch.bincount(stacked_modes(judge, images), minlength=1000)
        return mode_count(counts).item(), kl_from_uniform(counts).item()

    modes, kl = score(StackedDigits(digits.test_images, n, 0).__getitems__(range(n)))
    assert modes > 960  # 1000 * (1 - e^-6) at most
    # three independent channels, each off balance as the judge sees the test digits, and the sampling bias
    labels = judge.label(digits.test_images.float() / 127.5 - 1)
    expected = 3 * kl_from_uniform(torch.bincount(labels, minlength=10)).item() + 999 / (2 * n)
    assert kl == pytest.approx(expected, rel=0.15)
    noise_modes, noise_kl = score(torch.rand(n, 3, 28, 28) * 2 - 1)
    assert noise_modes < 500
    assert noise_kl > 1.5
    ones = digits.test_images[digits.test_labels == 1]
    one_modes, one_kl = score(StackedDigits(ones, n, 0).__getitems__(range(n)))
    assert one_modes < 100
    assert one_kl > 5


@pytest.mark.slow
def test_judge_of_real_mnist_and_its_floor(mnist_root):
    digits = load_digit_images(mnist_root)
    judge = DigitJudge.trained_on(digits)
    assert judge.accuracy >= 0.99
    data = StackedDigits(digits.test_images, 26_000, 0)
    modes = torch.cat([stacked_modes(judge, data.__getitems__(part)) for part in torch.arange(26_000).split(1000)])
    counts = torch.bincount(modes, minlength=1000)
    assert mode_count(counts) == 1000
    assert kl_from_uniform(counts).item() == pytest.approx(0.024, abs=0.006)


def test_second_call_reads_the_cache(tmp_path, monkeypatch):
    untrained(monkeypatch)
    with pytest.warns(UserWarning, match="Expected the judge to label 99%"):
        first = DigitJudge.trained_on(tiny(), tmp_path)
    monkeypatch.setattr(judges, "_train", lambda digits: pytest.fail("trained twice"))
    with pytest.warns(UserWarning, match="over-counted"):
        second = DigitJudge.trained_on(tiny(), tmp_path)
    images = torch.rand(5, 28, 28)
    assert torch.equal(first.label(images), second.label(images))


def test_other_digits_under_the_same_name_get_their_own_judge(tmp_path, monkeypatch):
    untrained(monkeypatch)
    DigitJudge.trained_on(tiny("other", 0), tmp_path)
    DigitJudge.trained_on(tiny("other", 1), tmp_path)
    assert len(list(tmp_path.glob("other-*.pt"))) == 2


def test_a_damaged_cache_is_trained_again(tmp_path, monkeypatch):
    untrained(monkeypatch)
    DigitJudge.trained_on(tiny("other"), tmp_path)
    (path,) = tmp_path.glob("*.pt")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(UserWarning, match="can't be read; it is trained again"):
        DigitJudge.trained_on(tiny("other"), tmp_path)
    DigitJudge.trained_on(tiny("other"), tmp_path)


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(tmp_path, monkeypatch):
    untrained(monkeypatch)
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="cached judge|can't be kept") as warned:
        DigitJudge.trained_on(tiny("other"), tmp_path / "file" / "judges")
    assert any("can't be kept" in str(warning.message) for warning in warned)


def test_training_does_not_move_the_global_random_state(tmp_path, monkeypatch):
    before = torch.get_rng_state()
    judges._train(tiny("other"), batches=3, batch_size=10)
    assert torch.equal(before, torch.get_rng_state())
    monkeypatch.setattr(judges, "_train", lambda digits: judges.DigitClassifier())
    for _ in range(2):  # trained, then from the cache
        judges.DigitJudge.trained_on(tiny("other"), tmp_path)
        assert torch.equal(before, torch.get_rng_state())


def test_no_host_can_register_it(trained):
    host = nn.Module()
    host.judge = trained[1]
    assert not host.state_dict()
    assert not list(host.parameters())
