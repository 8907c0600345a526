"""What one process holds and no other may use meanwhile: the folder of a run, a run of a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mine_lightning.errors import InputError

__all__ = ["ClaimedError", "claim"]


class ClaimedError(InputError):
    """Another process holds it."""


@contextmanager
def claim(lock: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold something for this process while the block runs; a killed process holds nothing.

    Args:
        lock: the file that stands for it; its folder is made where there is none.
        what: what is held, for the message.
        wait: wait until it is free, however long that takes.

    Raises:
        ClaimedError: if another process holds it and ``wait`` is False.
        InputError: if the file can't be written.
    """
    import filelock  # here, where a run starts: importing the package has to stay cheap

    holder = filelock.FileLock(lock, timeout=-1 if wait else 0)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        holder.acquire()
    except filelock.Timeout as error:
        raise ClaimedError(
            f"Expected {what} to be free but another process works on it; wait for that one or stop it "
            f"(if there is none, delete {lock})."
        ) from error
    except OSError as error:
        raise InputError(
            f"Expected to write {lock} but that fails ({error.strerror or error}); choose another place."
        ) from error
    try:
        yield
    finally:
        holder.release()
