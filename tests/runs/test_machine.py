"""What is said of the machine is true of this one."""

import subprocess

import pytest
import torch
from pytorch_lightning import Trainer

from mine_lightning.runs import machine


def test_precision_is_one_of_lightnings_with_its_reason():
    precision, reason = machine.choose_precision()
    assert precision in ("bf16-mixed", "32-true")
    assert ("bfloat16" in reason) or ("AVX512-BF16" in reason) or ("AMX" in reason)


def test_a_processor_without_bfloat16_gets_full_precision(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert machine.choose_precision()[0] == "32-true"


FEATURES = {"_is_avx512_bf16_supported": "AVX512-BF16", "_is_amx_tile_supported": "AMX"}


@pytest.mark.parametrize("name", FEATURES)
def test_a_processor_with_bfloat16_computes_in_it(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for other in FEATURES:
        monkeypatch.setattr(torch.cpu, other, lambda has=other == name: has, raising=False)
    assert machine.choose_precision() == ("bf16-mixed", f"the processor has {FEATURES[name]}")


@pytest.mark.parametrize(("has", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_gpu_computes_in_bfloat16_where_it_has_it(monkeypatch, has, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has)
    assert machine.choose_precision()[0] == precision


def test_hardware_and_versions():
    assert str(torch.get_num_threads()) in machine.hardware() or torch.cuda.is_available()
    assert machine.versions()["torch"] == torch.__version__


def test_anothers_checkout_with_this_package_in_it_has_no_say(tmp_path, monkeypatch):
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "a", "--allow-empty"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "machine.py").touch()
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "machine.py"))
    assert machine.commit() is None


def test_commit_is_the_head_of_the_checkout_and_says_where_files_differ(tmp_path, monkeypatch):
    file = tmp_path / "machine.py"
    file.write_text("one\n")
    for words in (["init", "-q"], ["add", "machine.py"], ["commit", "-qm", "a"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a", *words], cwd=tmp_path, check=True)
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True)
    head = told.stdout.strip()
    monkeypatch.setattr(machine, "__file__", str(file))
    (tmp_path / "untracked").touch()
    assert machine.commit() == head
    file.write_text("another line\n")
    assert machine.commit() == f"{head}-dirty"


def test_without_git_there_is_no_commit(monkeypatch):
    def missing(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(machine.subprocess, "run", missing)
    assert machine.commit() is None


def test_hardware_is_that_of_the_trainer(monkeypatch):
    here = machine.hardware(Trainer(accelerator="cpu", logger=False))
    assert here.endswith(f", {torch.get_num_threads()} threads")
    two = Trainer(accelerator="cpu", devices=2, logger=False)
    assert machine.hardware(two) == f"{here}, 2 processes"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # a GPU that this Trainer leaves alone
    assert machine.hardware(two) == f"{here}, 2 processes"


def test_precision_is_that_of_the_processor_where_the_gpu_is_left_alone(monkeypatch):
    on_processor = machine.choose_precision("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert machine.choose_precision("gpu") == machine.choose_precision() == ("bf16-mixed", "the GPU has bfloat16")
    assert machine.choose_precision("cpu") == on_processor
