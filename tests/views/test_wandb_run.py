"""W&B without an account: never a prompt, never a wait, and everything in the file."""

import http.server
import json
import os
import pty
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from mine_lightning.cli import main
from mine_lightning.errors import InputError
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.mode_counts import read_mode_counts
from mine_lightning.runs.record import read_curves
from mine_lightning.views.wandb_run import _server, how_to_look, silence, wandb_logger, wandb_mode


@pytest.mark.parametrize(
    ("variable", "key", "mode"),
    [
        ("", None, "offline"),
        ("", "k" * 40, "online"),
        ("offline", "k" * 40, "offline"),
        ("dryrun", "k" * 40, "offline"),
        ("disabled", None, "disabled"),
        ("online", None, "online"),
    ],
)
def test_mode(monkeypatch, tmp_path, variable, key, mode):
    monkeypatch.setenv("WANDB_MODE", variable)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    assert wandb_mode() == mode


def test_an_unknown_mode_is_told(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "of")
    with pytest.raises(InputError, match="Expected WANDB_MODE to be online, offline or disabled but it is 'of'"):
        wandb_mode()


def test_a_key_in_netrc_counts(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text(f"machine api.wandb.ai login user password {'k' * 40}\n")
    assert wandb_mode() == "online"


def folder(tmp_path):
    made = RunFolder.create(tmp_path, "experiment", "default", "mnist", 0)
    made.write_identity(experiment="experiment", protocol="default", dataset="mnist", seed=0)
    return made


def test_disabled_gives_no_logger(tmp_path):
    made = folder(tmp_path)
    assert wandb_logger(made, {}) is None
    assert how_to_look(made) == []


def test_processes_but_the_first_have_no_logger_and_need_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(rank_zero_only, "rank", 1, raising=False)
    assert wandb_logger(RunFolder(tmp_path / "not there yet"), {}) is None


def test_a_mode_in_capitals_and_a_key_with_a_line_end_are_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "Offline")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40 + "\n")
    logger = wandb_logger(folder(tmp_path), {})
    logger.experiment.finish()
    assert (os.environ["WANDB_MODE"], os.environ["WANDB_API_KEY"]) == ("offline", "k" * 40)


def test_the_server_of_wandb_login_host_counts_and_the_environment_before_it(tmp_path, monkeypatch):
    for name in ("WANDB_BASE_URL", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    assert _server() == "https://api.wandb.ai"
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings").write_text("[default]\nbase_url = https://wandb.example.org/%20\n")
    assert _server() == "https://wandb.example.org/%20"
    monkeypatch.setenv("WANDB_BASE_URL", "http://h:abc")
    assert silence().startswith("http://h:abc does not answer (")
    monkeypatch.delenv("WANDB_BASE_URL")
    (tmp_path / "config" / "settings").write_text("no settings\n")
    assert _server() == "https://api.wandb.ai"


def test_offline_run_holds_config_metrics_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    made = folder(tmp_path)
    logger = wandb_logger(made, {"mine": {"beta": 0.5}})
    for step in (0, 9):
        logger.log_metrics({"mine/mi": step + 0.5}, step)
        logger.log_image("samples", [np.full((8, 8, 3), 20 + step, np.uint8)], step=step)
    logger.finalize("success")
    logger.experiment.finish()
    show, upload = how_to_look(made)
    assert show.startswith("wandb leet ")
    assert upload.startswith("wandb sync ")
    run = show.split()[2]
    assert made.identity["wandb_id"] in run
    records = records_of(run)
    text = json.dumps([record["history"] for record in records if record["type"] == "history"])
    assert "9.5" in text
    assert "0.5" in json.dumps([record for record in records if record["type"] == "config"])
    assert len(list((made.path / "wandb").rglob("samples_*.png"))) == 2


def test_steps_are_made_batches_where_the_two_differ(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    made = folder(tmp_path)
    logger = wandb_logger(made, {}, lambda step: 4 * step + 3)
    logger.log_metrics({"mine/mi": 0.5}, 2)
    logger.experiment.finish()
    (history,) = [r["history"]["item"] for r in records_of(how_to_look(made)[0].split()[2]) if r["type"] == "history"]
    assert history["trainer/global_step"] == 11


def records_of(run):
    """Everything in a W&B run's folder, by W&B's own reader."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", run]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def test_a_whole_run_is_read_back_with_every_metric_at_its_step(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_MODE", "offline")
    words = ["--config", "gan_25gaussians_mine", "--config", "smoke", "--output", str(tmp_path)]
    assert main(words) == 0
    import wandb

    wandb.finish()
    (path,) = (tmp_path / "gan_25gaussians_mine").iterdir()
    told = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  wandb ")]
    assert told == how_to_look(RunFolder(path))
    (run,) = (path / "wandb").glob("offline-run-*")
    records = records_of(str(run))
    found, pictures = {}, {}
    for item in (record["history"]["item"] for record in records if record["type"] == "history"):
        step = item["trainer/global_step"]
        for key, value in item.items():
            if isinstance(value, int | float) and "/" in key and not key.startswith("trainer/"):
                found.setdefault(key, []).append((step + 1, value))
        for name in item.get("samples.filenames", []):
            pictures[step + 1] = run / "files" / name
    curves = {key: points for key, points in read_curves(path / "metrics.csv").items() if "/" in key}
    assert {"mine/mi", "val/mi", "val/modes", "train/loss_g", "mine/g_u", "mine/g_m", "mine/clip"} <= set(curves)
    assert set(found) == set(curves)
    for key, points in curves.items():
        assert found[key] == [(step, pytest.approx(value)) for step, value in points], key
    # two optimizers, and still one step for each batch
    assert sorted(pictures) == [step for step, _ in curves["val/modes"]] == [4, 8]
    assert all(len(set(Image.open(picture).convert("L").getdata())) > 1 for picture in pictures.values())
    maps = list((run / "files").rglob("modes_*.png"))
    assert len(maps) == 2
    assert all(len(set(Image.open(picture).convert("L").getdata())) > 1 for picture in maps)
    # the first has it, later ones describe charts
    config = next(record["config"] for record in records if record["type"] == "config")
    assert config["update"]["mine"]["direction"] == "maximize"
    summary = {}
    for record in records:
        summary |= record["summary"]["update"] if record["type"] == "summary" else {}
    assert summary["val/modes"] == curves["val/modes"][-1][1]
    assert summary["test/high_quality"] == pytest.approx(curves["test/high_quality"][-1][1])
    # the result beside the published one, and how samples spread over the modes
    results = json.loads(next((run / "files").rglob("results_*.table.json")).read_text())
    told = json.loads((path / "summary.json").read_text())
    assert results["columns"] == ["metric", "this run", "perfect generator", "published"]
    assert ["modes", f"{told['metrics']['modes']:g}"] in [row[:2] for row in results["data"]]
    spread = json.loads(next((run / "files").rglob("samples_per_mode*.table.json")).read_text())
    assert [count for _, count in spread["data"]] == list(read_mode_counts(path / "modes.csv").values())[-1]
    # wandb leet lists every key of the summary: no histogram may flood it
    assert len(summary) < 60


KEY = "k" * 40
DEAD = "http://127.0.0.1:9"
WAYS = {
    "nothing said, no key": (None, None, DEAD),
    "an empty word": ("", None, DEAD),
    "offline": ("offline", KEY, DEAD),
    "dryrun": ("dryrun", None, DEAD),
    "disabled": ("disabled", KEY, DEAD),
    "online without a key": ("online", None, DEAD),
    "run without a key": ("run", None, DEAD),
    "a key and a dead server": (None, KEY, DEAD),
    "online and a dead server": ("online", KEY, DEAD),
    "half a key": (None, "kkk", DEAD),
}
KEYLESS = {name: way for name, way in WAYS.items() if way[1] != KEY}  # what a terminal may be asked about
PROGRAM = Path(__file__).with_name("wandb_ways.py")


class Foolish(http.server.BaseHTTPRequestHandler):
    """Answers, and knows of no W&B."""

    def do_POST(self):
        self.send_error(404)

    do_GET = do_HEAD = do_POST  # noqa: N815

    def log_message(self, *words):
        pass


@pytest.fixture
def servers():
    """The addresses of a server that takes connections and never answers, and of one that answers nonsense."""
    silent = socket.create_server(("127.0.0.1", 0))
    foolish = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foolish)
    threading.Thread(target=foolish.serve_forever, daemon=True).start()
    yield [f"http://127.0.0.1:{port}" for port in (silent.getsockname()[1], foolish.server_port)]
    silent.close()
    foolish.shutdown()
    foolish.server_close()


def start(folder, ways, stdin):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "WANDB_MODE": ""}
    command = [sys.executable, str(PROGRAM), str(folder), json.dumps(ways)]
    return subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdin, stderr=subprocess.PIPE, text=True)


def test_no_way_of_starting_prompts_or_waits_with_a_terminal_or_without(tmp_path, servers):
    slow = {name: (None, KEY, server) for name, server in zip(("silent", "foolish"), servers, strict=True)}
    master, terminal = pty.openpty()
    with open(os.devnull, "r+", encoding="utf-8") as nothing:
        started = {
            "without": (start(tmp_path / "without", WAYS, nothing), WAYS),
            "terminal": (start(tmp_path / "terminal", KEYLESS, terminal), KEYLESS),
            "slow": (start(tmp_path / "slow", slow, terminal), slow),
        }
    for name, (process, ways) in started.items():
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        assert "W&B: offline, since " in error
        results = json.loads((tmp_path / name / "results.json").read_text())
        assert list(results) == list(ways)
        for way, result in results.items():
            assert result["logger"] == (way != "disabled")
            assert result["seconds"] < 20
            assert bool(result["look"]) == (way != "disabled")
        # whatever came between, nothing is lost
        records = records_of(shlex.split(results[list(ways)[-1]]["look"][0])[2])
        history = [record["history"]["item"] for record in records if record["type"] == "history"]
        assert (history[0]["mine/mi"], history[0]["trainer/global_step"]) == (0.25, 7)
    os.close(master)
    os.close(terminal)
