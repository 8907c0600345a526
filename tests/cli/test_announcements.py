"""What a training says in the terminal."""

import logging

import pytest
from pytorch_lightning import Trainer

from mine_lightning import MINERegularizer
from mine_lightning.cli.announcements import announce, finish, told_how_to_resume
from mine_lightning.cli.build import Parts
from mine_lightning.errors import InputError
from mine_lightning.runs.folder import RunFolder


@pytest.fixture
def folder(tmp_path):
    made = RunFolder.create(tmp_path, "gan_stacked_mnist", "default", "digits", 3)
    made.write_identity(
        experiment="gan_stacked_mnist", protocol="default", dataset="digits", seed=3, config_hash="0", commit="none"
    )
    return made


@pytest.mark.parametrize(
    ("beta", "told"),
    [(0.5, "beta 0.5"), ({0: 0.0, 2: 1.0}, "beta 0 at epoch 0, 1 at epoch 2")],
    ids=["number", "schedule"],
)
def test_what_is_trained_is_told_before_it_starts(folder, capsys, beta, told):
    mine = MINERegularizer("output:generator", "input:generator", "maximize", beta=beta)
    announce(
        folder,
        Parts(None, None, mine, {}),
        Trainer(accelerator="cpu", logger=False),
        {"trainer": {"precision": "32-true"}},
        4000,
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "experiment   gan_stacked_mnist (default), seed 3"
    assert f"MINE         maximize I(x; z), x = output:generator, z = input:generator, {told}" in lines
    assert lines[-1] == f"run folder   {folder.path}, going on after step 4,000"
    assert not any(line.startswith("precision") for line in lines)  # the user's own


@pytest.mark.parametrize(
    ("started", "told"), [(None, ", since "), ("16-true", "precision    16-true, as it was started")]
)
def test_a_precision_that_was_chosen_says_why(folder, capsys, started, told):
    if started:
        folder.write_identity(**{k: v for k, v in folder.identity.items() if k != "wandb_id"}, precision=started)
    announce(folder, Parts(None, None, None, {}), Trainer(logger=False), {"trainer": {"precision": "auto"}}, None)
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(("protocol", "told"), [("default", True), ("smoke", False)])
def test_a_result_stands_beside_what_was_published_for_its_protocol(folder, capsys, protocol, told):
    summary = {"experiment": "gan_stacked_mnist", "protocol": protocol, "dataset": "digits", "seed": 3, "steps": 4000}
    finish(folder, summary | {"metrics": {"modes": 1000, "kl": 0.0625}})
    out = capsys.readouterr().out
    assert "gan_stacked_mnist on digits, seed 3, 4,000 steps" in out
    assert "0.0625" in out
    assert ("published: GAN+MINE, " in out) == told
    assert f"\n{folder.path}\n" in out


@pytest.mark.parametrize("saved", [True, False])
def test_a_run_that_stops_says_how_it_goes_on(folder, caplog, saved):
    if saved:
        folder.last_checkpoint.parent.mkdir(exist_ok=True)
        folder.last_checkpoint.write_bytes(b"")
    with caplog.at_level(logging.INFO), pytest.raises(KeyboardInterrupt), told_how_to_resume(folder):
        raise KeyboardInterrupt
    assert (f"Go on with: python train.py --resume {folder.path}" in caplog.text) == saved
    assert ("there is nothing to go on from" in caplog.text) == (not saved)


@pytest.mark.parametrize("saved", [True, False])
def test_wrong_input_is_told_by_its_own_sentence_alone_where_nothing_was_saved(folder, caplog, saved):
    if saved:  # and a file can't be written, say
        folder.last_checkpoint.parent.mkdir(exist_ok=True)
        folder.last_checkpoint.write_bytes(b"")
    with caplog.at_level(logging.INFO), pytest.raises(InputError), told_how_to_resume(folder):
        raise InputError("Expected one thing but got another.")
    assert ("Go on with: " in caplog.text) == saved
    assert saved or caplog.text == ""
