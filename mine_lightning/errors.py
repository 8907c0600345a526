"""The one exception for what a user can mend."""

from pathlib import Path

import torch

__all__ = ["InputError", "check_dense", "check_kind", "expanded"]


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


def check_kind(name: str, kind: str, fits: bool, found: object) -> None:
    """Refuse what is of another kind than asked for, as a class in place of an object.

    Raises:
        InputError: where it does not fit.
    """
    if not fits:
        remedy = f"write {found.__name__}()" if isinstance(found, type) else "give one"
        raise InputError(f"Expected {name} to be {kind} but got {found!r}; {remedy}.")


def expanded(path: str | Path) -> Path:
    """Return a path with its ``~`` expanded.

    Raises:
        InputError: if it names a user that does not exist.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"Expected a path but {str(path)!r} names a user that is not there; write it out.") from None
