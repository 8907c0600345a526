"""Published numbers are found by experiment and protocol, and printed as they were published."""

import pytest

from mine_lightning.cli import configs
from mine_lightning.published import _ROWS, CHECKED, UNCHECKED, Number, published_row


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Number(1000.0, 0.0, 1), "1000.0 ± 0"),
        (Number(0.05, 0.0069), "0.05 ± 0.0069"),
        (Number(78.5, 17.56, 1), "78.5 ± 17.56"),
        (Number(3.4), "3.40"),
        (Number(0.005, None, 3), "0.005"),
    ],
)
def test_a_number_is_printed_with_its_digits(number, text):
    assert str(number) == text


def test_a_row_belongs_to_a_protocol():
    assert published_row("gan_stacked_mnist_dcgan").metrics["modes"].value == 99.0
    assert published_row("gan_stacked_mnist_dcgan", "small").metrics["modes"].value == 78.5
    assert published_row("gan_stacked_mnist", "small") is None
    assert published_row("nothing") is None


def test_what_was_not_read_in_the_table_says_so():
    assert published_row("gan_stacked_mnist_veegan").certainty == CHECKED
    assert published_row("gan_stacked_mnist").certainty == UNCHECKED


def test_shares_are_shares_and_every_stacked_config_has_its_row():
    rows = _ROWS.values()
    for key in ("high_quality", "recon_accuracy", "ms_ssim"):
        assert all(0 < row.metrics[key].value <= 1 for row in rows if key in row.metrics)
    for path in configs.shipped():
        if path.stem.startswith("gan_stacked_mnist"):
            assert published_row(path.stem) is not None, path.stem
