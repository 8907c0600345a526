"""One picture of a table's runs, from what each of them drew."""

import json

import pytest
from PIL import Image

from mine_lightning.errors import InputError
from mine_lightning.results.__main__ import main
from mine_lightning.results.campaign import Planned
from mine_lightning.results.pictures import pictures

NAMES = ["gan_spiral", "gan_spiral_mine"]


def a_run(name, output, colour):
    folder = output / name / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").touch()
    (folder / "run.json").write_text(json.dumps(Planned.of(name, "default", 2, str(output)).identity))
    (folder / "samples").mkdir()
    Image.new("RGB", (40, 40), colour).save(folder / "samples" / "step-000030.png")


def test_a_row_for_each_experiment(tmp_path):
    for name, colour in zip(NAMES, [(255, 0, 0), (0, 0, 255)], strict=True):
        a_run(name, tmp_path / "runs", colour)
    words = [*NAMES, "--steps", "30", "--seed", "2", "--output", str(tmp_path / "runs")]
    place = pictures(words, tmp_path / "results")
    assert place == tmp_path / "results" / "pictures" / "gan_spiral.png"
    with Image.open(place) as table:
        counts = {colour: count for count, colour in table.convert("RGB").getcolors()}
    assert counts[255, 0, 0] == counts[0, 0, 255] == 200 * 200


def test_a_run_that_is_missing_is_told(tmp_path, capsys):
    with pytest.raises(InputError, match=r"Expected a run of gan_spiral with seed 0 in .* but there is none"):
        pictures(["gan_spiral", "--output", str(tmp_path)])
    assert main(["pictures", "gan_spiral", "--protocol", "smoke", "--output", str(tmp_path)]) == 2
    command = f"run gan_spiral --protocol smoke --seeds 0 --output {tmp_path}`"
    assert f"train it with `python -m mine_lightning.results {command}" in capsys.readouterr().err
