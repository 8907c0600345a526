"""Two processes (gloo) against one on the global batch; what they decide together; two nodes under torchrun."""

import os
import subprocess
import sys
import time
from pathlib import Path

import processes
import pytest
import torch
from by_hand import Classifier, StyledGAN, Term
from cases import assert_same, conv, small_mlp, trainer
from pytorch_lightning import Trainer
from torch.distributed import TCPStore
from torch.utils.data import DataLoader

from mine_lightning.estimator import MINE
from mine_lightning.regularizer.once import Once
from mine_lightning.regularizer.ranks import Ranks, tell_of_lost_processes

HERE = Path(__file__).parent


def environment():
    """One thread a process: a fork is safe before torch has started any, and two processes share two cores."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module", params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def folder(request, tmp_path_factory):
    """What two processes left, case by case."""
    if request.param == "gpu" and torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs, one for each process")
    folder = tmp_path_factory.mktemp("processes")
    command = [sys.executable, str(HERE / "processes.py"), str(folder), request.param]
    subprocess.run(command, env=environment(), check=True, timeout=240, capture_output=True)
    return folder


def left_by(folder, case):
    error = folder / f"{case}.error"
    assert not error.exists(), error.read_text()
    return [torch.load(folder / f"{case}-rank{rank}.pt", "cpu", weights_only=True) for rank in (0, 1)]


def gap(a, b):
    assert a.keys() == b.keys()
    return max((a[key] - b[key]).abs().max().item() for key in a)


@pytest.mark.parametrize("case", processes.CASES)
def test_processes_stay_bitwise_equal(folder, case):
    first, second = left_by(folder, case)
    for key in ("host", "mine", "log_average", "updates"):
        assert_same(first[key], second[key])


EQUAL = {
    "joined": {},
    "apart": {},
    "accumulated": {"accumulate": 2, "clip": 0.3},
    "accumulated_apart": {"accumulate": 2, "clip": 0.3},
    "adaptive": {"beta": 50.0},
    "adaptive_accumulated": {"beta": 50.0, "accumulate": 2},
    "find_unused": {},
    "static_graph": {},
    "static_graph_apart": {},
    "bucket_view": {},
}


@pytest.mark.parametrize("case", EQUAL)
def test_classifier_equals_one_process_on_the_global_batch(folder, case, tmp_path):
    (found, _), (plain, _), (reference, term) = (
        left_by(folder, case),
        classifier(),
        classifier(**EQUAL[case], term=True),
    )
    effect = gap(plain, reference)
    assert effect > 1e-4
    assert gap(found["host"], reference) <= 1e-3 * effect
    untrained = MINE(small_mlp, (4,), (3,)).statistics_network.state_dict()
    trained = term.mine.statistics_network.state_dict()
    assert gap(found["mine"], trained) <= 1e-3 * gap(untrained, trained)
    torch.testing.assert_close(found["log_average"], term.log_average, rtol=1e-4, atol=1e-6)


def classifier(beta=0.5, accumulate=1, clip=None, term=False):
    """Train in one process by a plain loop; the term's clip, equation 21, where beta is 50."""
    torch.manual_seed(0)
    host = Classifier()
    term = Term(MINE(small_mlp, (4,), (3,)), beta, "maximize", adaptive=beta == 50, ranks=2) if term else None
    parameters = list(host.encoder.parameters())
    optimizer = host.configure_optimizers()
    held = None
    for number, (x, y) in enumerate(DataLoader(processes.PAIRS, processes.BATCH), 1):
        z = host.encoder(x)
        loss = torch.nn.functional.cross_entropy(host.head(z), y)
        if term is not None and term.adaptive:
            g_m = [g / accumulate for g in term.gradient(x, z, parameters)]
            held = g_m if held is None else [a + b for a, b in zip(held, g_m, strict=True)]
        elif term is not None:
            loss = loss + term.loss(x, z)
        (loss / accumulate).backward()
        if number % accumulate == 0:
            if held is not None:
                term.add(parameters, held)
                held = None
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(host.parameters(), clip)
            optimizer.step()
            optimizer.zero_grad()
        if term is not None:
            term.ascend(x, z)
    if term is None:
        return host.state_dict(), None
    assert not term.adaptive or min(term.factors) < 1
    return host.state_dict(), term


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("style", ["toggled", "two_forwards", "shared"])
def test_gan_equals_one_process_on_the_global_batch(folder, style, adaptive, tmp_path):
    found, _ = left_by(folder, f"gan_{style}{'_adaptive' * adaptive}")

    def fit(term=None):
        torch.manual_seed(0)
        host = StyledGAN(style, term)
        trainer(tmp_path).fit(host, DataLoader(processes.IMAGES, processes.BATCH))
        return host.state_dict()

    term = Term(MINE(conv, (3, 8, 8), (2,)), 300.0 if adaptive else 1.0, "maximize", adaptive, ranks=2)
    plain, reference = fit(), fit(term)
    assert gap(found["host"], reference) <= 1e-3 * gap(plain, reference)
    trained = term.mine.statistics_network.state_dict()
    untrained = MINE(conv, (3, 8, 8), (2,)).statistics_network.state_dict()
    assert gap(found["mine"], trained) <= 1e-3 * gap(untrained, trained)


def test_what_the_term_alone_reaches_equals_one_process_too(folder):
    """DDP has marked it unused; joined with the loss it would be reduced twice, or never."""
    found, _ = left_by(folder, "aside")
    torch.manual_seed(0)
    host = processes.Aside()
    before = host.aside.weight.detach().clone()
    term = Term(MINE(small_mlp, (4,), (2,)), 0.5, "maximize", ranks=2)
    optimizer = host.configure_optimizers()
    for x, y in DataLoader(processes.PAIRS, processes.BATCH):
        z = host.encoder(x)
        code = host.aside(z.detach())
        optimizer.zero_grad()
        (torch.nn.functional.cross_entropy(host.head(z), y) + term.loss(x, code)).backward()
        optimizer.step()
        term.ascend(x, code)
    effect = (host.aside.weight - before).abs().max().item()
    assert effect > 1e-4
    assert gap(found["host"], host.state_dict()) <= 1e-3 * effect


def test_all_processes_skip_a_batch_of_which_one_has_a_single_sample(folder):
    for left in left_by(folder, "uneven"):
        assert left["updates"] == 7  # of eight batches


def test_a_layer_that_one_process_skips_gets_its_share_of_the_term_from_the_other(folder):
    found, second = left_by(folder, "chance")
    assert found["updates"] == second["updates"] == 8

    def by_hand(term=None):
        torch.manual_seed(0)
        host = processes.Chance()
        optimizer, encoder = host.configure_optimizers(), host.encoder
        for number, (x, y) in enumerate(DataLoader(processes.PAIRS, processes.BATCH), 1):
            h = encoder.first(x).tanh()
            skips = (torch.arange(len(x)) % 2 == 1) & (number < 4)  # every second sample is the second process's
            z = encoder.last(torch.where(skips[:, None], h, encoder.middle(h).tanh()))
            loss = torch.nn.functional.cross_entropy(host.head(z), y)
            optimizer.zero_grad()
            (loss if term is None else loss + term.loss(x, z)).backward()
            optimizer.step()
            if term is not None:
                term.ascend(x, z)
        return host.state_dict()

    plain, reference = by_hand(), by_hand(Term(MINE(small_mlp, (4,), (3,)), 0.5, "maximize", ranks=2))
    name = "encoder.middle.weight"
    effect = (plain[name] - reference[name]).abs().max()
    assert effect > 1e-5
    assert (found["host"][name] - reference[name]).abs().max() <= 1e-3 * effect


def test_the_held_out_estimate_is_logged_and_the_same(folder):
    first, second = (left["logged"] for left in left_by(folder, "validated"))
    assert first["val/mi"] == second["val/mi"]
    assert first["val/mi_stderr"] == second["val/mi_stderr"] > 0


def test_one_process_decides_alone():
    ranks = Ranks()
    ranks.join(torch.device("cpu"))
    assert (ranks.all(True), ranks.all(False), ranks.union([True, False])) == (True, False, [True, False])
    tensor = torch.ones(2)
    ranks.average([tensor])
    assert torch.equal(tensor, torch.ones(2))


def told(nodes, outputs, seconds):
    """Wait for all, or till the first has failed, then end what is left; return how each ended and what it said."""
    end = time.monotonic() + seconds
    while (codes := [node.poll() for node in nodes]).count(None) and time.monotonic() < end:
        if any(codes):
            end = min(end, time.monotonic() + 5)  # the other may have more to tell
        time.sleep(0.1)
    for node in nodes:
        node.terminate()  # an agent ends its process then
    for node in nodes:
        try:
            node.wait(40)
        except subprocess.TimeoutExpired:  # Lightning's answer to SIGTERM asks the other process
            node.kill()
            node.wait()
    return codes, [output.read_text() for output in outputs]


def two_nodes(folder, agents, *what):
    """Run two nodes that meet on loopback, as two machines would: under torchrun, or in what it gives its processes."""
    # the meeting point is a third party's: an agent that hosts it and leaves first makes the other fail on leaving
    meeting = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    script = [str(HERE / "node.py"), str(folder), *what]
    agent = ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-id=1", "--rdzv-backend=c10d"]
    place = [f"--rdzv-endpoint=127.0.0.1:{meeting.port}", "--rdzv-conf=is_host=0", "--local-addr=127.0.0.1"]
    command = [sys.executable, *(agent + place if agents else ()), *script]
    shared = {"WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(meeting.port)}
    shared |= {"TORCHELASTIC_RUN_ID": "1", "TORCHELASTIC_USE_AGENT_STORE": "True"}
    nodes, outputs = [], [folder / "first.txt", folder / "second.txt"]
    for rank, output in enumerate(outputs):
        given = {} if agents else shared | {"RANK": str(rank), "GROUP_RANK": str(rank)}
        options = {"env": environment() | given, "stderr": subprocess.STDOUT}
        with output.open("w") as file:
            nodes.append(subprocess.Popen(command, stdout=file, **options))
    codes, said = told(nodes, outputs, 120)
    assert codes == [0, 0], "\n".join([str(codes), *said])


@pytest.mark.parametrize("agents", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_two_nodes_train_and_resume_as_under_torchrun(tmp_path, agents):
    two_nodes(tmp_path, agents, "first", "whole", "resumed")
    whole, resumed = left_by(tmp_path, "whole"), left_by(tmp_path, "resumed")
    for a, b in zip(whole, resumed, strict=True):
        for key in ("host", "mine", "log_average", "updates"):
            assert_same(a[key], b[key])
    assert whole[0]["updates"] == 16


@pytest.mark.parametrize(("strategy", "lost"), [("ddp_spawn", True), ("ddp", False), ("auto", False)])
def test_processes_that_end_with_the_fit_are_told(tmp_path, recwarn, strategy, lost):
    fit = Trainer(accelerator="cpu", devices=2 if strategy != "auto" else 1, strategy=strategy, logger=False)
    tell_of_lost_processes(fit, Once())
    assert any("end with trainer.fit, and T ends with them" in str(one.message) for one in recwarn) == lost
