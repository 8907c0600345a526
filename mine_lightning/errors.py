"""The one exception for what a user can mend."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Wrong input. The message is one sentence: what was expected, what came, what to do.

    The command line prints it without a traceback and exits with code 2.
    """
