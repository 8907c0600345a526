"""One picture of a table's runs, from what each of them drew."""

import json

import pytest
from PIL import Image

from mine_lightning.errors import InputError
from mine_lightning.results.__main__ import main
from mine_lightning.results.campaign import Planned
from mine_lightning.results.pictures import pictures

NAMES = ["gan_spiral", "gan_spiral_mine"]


def a_run(name, output, colour, protocol="default", seed=2, step=30):
    folder = output / name / f"{protocol}-{seed}"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").touch()
    (folder / "run.json").write_text(json.dumps(Planned.of(name, protocol, seed, str(output)).identity))
    (folder / "samples").mkdir()
    Image.new("RGB", (40, 40), colour).save(folder / "samples" / f"step-{step:06d}.png")


def test_a_row_for_each_experiment(tmp_path):
    for name, colour in zip(NAMES, [(255, 0, 0), (0, 0, 255)], strict=True):
        a_run(name, tmp_path / "runs", colour)
    words = [*NAMES, "--steps", "30", "--seed", "2", "--output", str(tmp_path / "runs")]
    place = pictures(words, tmp_path / "results")
    # the one that RESULTS.md shows is of the defaults alone
    assert place == tmp_path / "results" / "pictures" / "gan_spiral-default-seed2-steps-30.png"
    with Image.open(place) as table:
        counts = {colour: count for count, colour in table.convert("RGB").getcolors()}
    assert counts[255, 0, 0] == counts[0, 0, 255] == 200 * 200


def test_the_picture_of_another_protocol_is_of_that_and_leaves_the_shown_one_alone(tmp_path):
    a_run("gan_spiral", tmp_path / "runs", (255, 0, 0), step=4)
    a_run("gan_spiral", tmp_path / "runs", (0, 0, 255), protocol="smoke", step=4)
    words = ["gan_spiral", "--protocol", "smoke", "--seed", "2", "--steps", "4", "--output", str(tmp_path / "runs")]
    place = pictures(words, tmp_path / "results")
    assert place.name == "gan_spiral-smoke-seed2-steps-4.png"
    with Image.open(place) as table:
        colours = {colour for _, colour in table.convert("RGB").getcolors()}
    assert (0, 0, 255) in colours
    assert (255, 0, 0) not in colours


def test_a_run_that_is_missing_is_told(tmp_path, capsys):
    with pytest.raises(InputError, match=r"Expected a run of gan_spiral with seed 0 in .* but there is none"):
        pictures(["gan_spiral", "--output", str(tmp_path)])
    assert main(["pictures", "gan_spiral", "--protocol", "smoke", "--output", str(tmp_path)]) == 2
    command = f"--config gan_spiral --config smoke --seed 0 --output {tmp_path}`"
    assert f"train it with `python train.py {command}" in capsys.readouterr().err
