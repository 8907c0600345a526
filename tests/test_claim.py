"""What one process holds, and what becomes of it when that process ends."""

import signal
import subprocess
import sys

import pytest

from mine_lightning.claim import ClaimedError, claim
from mine_lightning.errors import InputError

# not by claim() itself: importing the package takes longer than the test
HOLD = """
import sys, time
import filelock
with filelock.FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds ``tmp_path / "runs" / ".lock"``."""
    lock = tmp_path / "runs" / ".lock"
    lock.parent.mkdir()
    words = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_what_another_process_holds_is_told(tmp_path, holder):
    lock = tmp_path / "runs" / ".lock"
    message = "Expected the run to be free but another process works on it; wait"
    with pytest.raises(ClaimedError, match=message), claim(lock, "the run"):
        raise AssertionError("held twice")


@pytest.mark.parametrize("wait", [False, True])
def test_a_killed_process_holds_nothing(tmp_path, holder, wait):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with claim(tmp_path / "runs" / ".lock", "the run", wait=wait):
        pass


def test_an_error_in_the_block_frees_it(tmp_path):
    with pytest.raises(ZeroDivisionError), claim(tmp_path / ".lock", "the run"):
        raise ZeroDivisionError
    with claim(tmp_path / ".lock", "the run"):
        pass


def test_a_place_that_can_t_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match=r"Expected to write .* but that fails") as told,
        claim(tmp_path / "file" / ".lock", "the run"),
    ):
        pass
    assert not isinstance(told.value, ClaimedError)
