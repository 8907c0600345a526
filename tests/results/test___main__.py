"""``python -m mine_lightning.results``."""

from mine_lightning import results
from mine_lightning.results.__main__ import main


def test_command_line(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out.strip() == results.main_table()
    assert main(["throw"]) == 2
