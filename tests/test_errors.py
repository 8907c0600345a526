"""The exception that a user meets: one sentence, no traceback from the command line, a ValueError to those who catch."""

from pathlib import Path

import pytest

from mine_lightning.cli.main import main
from mine_lightning.errors import InputError, expanded
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


def test_a_home_is_expanded_and_one_of_nobody_is_told():
    assert expanded("~/runs") == Path.home() / "runs"
    with pytest.raises(InputError, match="but '~nobody-of-that-name/runs' names a user that is not there"):
        expanded("~nobody-of-that-name/runs")
