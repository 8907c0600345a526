"""The exception that a user meets: one sentence, no traceback from the command line, a ValueError to those who catch."""

import pytest

from mine_lightning.cli.main import main
from mine_lightning.errors import InputError
from mine_lightning.regularizer.callback import MINERegularizer


def test_it_is_a_value_error_with_its_sentence():
    with pytest.raises(ValueError, match=r"^Expected direction 'maximize' or 'minimize' but got 'up'; .*\.$") as caught:
        MINERegularizer("batch:0", "output:encoder", "up")
    assert type(caught.value) is InputError


def test_the_command_line_shows_the_sentence_alone(capsys):
    assert main(["--config", "no_such_experiment"]) == 2
    said = capsys.readouterr().err
    assert "no_such_experiment" in said
    assert "Traceback" not in said
