"""The one exception for what a user can mend."""

from pathlib import Path

import torch

__all__ = ["InputError", "check_dense", "expanded"]


class InputError(ValueError):
    """Wrong input. The message is one sentence: what was expected, what came, what to do.

    The command line prints it without a traceback and exits with code 2.
    """


def check_dense(tensor: torch.Tensor, name: str, remedy: str) -> None:
    """Refuse a sparse or nested tensor.

    Args:
        tensor: any.
        name: what it is to the user.
        remedy: what to do, without the full stop.

    Raises:
        InputError: where it is not dense.
    """
    if tensor.layout != torch.strided or tensor.is_nested:
        kept = "nested" if tensor.is_nested else str(tensor.layout).removeprefix("torch.")
        raise InputError(f"Expected {name} to be dense but it is {kept}; {remedy}.")


def expanded(path: str | Path) -> Path:
    """Return a path with its ``~`` expanded.

    Raises:
        InputError: if it names a user that does not exist.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"Expected a path but {str(path)!r} names a user that is not there; write it out.") from None
