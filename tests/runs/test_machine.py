"""What is said of the machine is true of this one."""

import subprocess

import torch

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


def test_hardware_and_versions():
    assert str(torch.get_num_threads()) in machine.hardware() or torch.cuda.is_available()
    assert machine.versions()["torch"] == torch.__version__


def test_anothers_checkout_with_this_package_in_it_has_no_say(tmp_path, monkeypatch):
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "a", "--allow-empty"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "machine.py").touch()
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "machine.py"))
    assert machine.commit() is None


def test_commit_is_a_hash_or_none_outside_of_a_checkout(monkeypatch):
    found = machine.commit()
    assert found is None or len(found.removesuffix("-dirty")) == 40

    def missing(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(machine.subprocess, "run", missing)
    assert machine.commit() is None
