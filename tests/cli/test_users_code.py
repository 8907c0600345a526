"""Where a user's own code failed is told, and code of packages is nobody's."""

import json

import pytest
import torch

from mine_lightning.cli.users_code import place_of
from mine_lightning.errors import InputError


def raised(function):
    with pytest.raises(Exception) as told:  # noqa: PT011 - of any kind
        function()
    return told.value


def mistake():
    return "a" + 1


def line():
    return mistake.__code__.co_firstlineno + 1


def test_the_innermost_line_that_is_no_packages_is_told():
    assert place_of(raised(mistake)) == f" (TypeError at {__file__}:{line()})"
    assert place_of(raised(lambda: torch.nn.Linear(-1, 2))).startswith(f" (RuntimeError at {__file__}:")


def test_what_wraps_it_is_looked_through_and_what_was_caught_before_is_not():
    def caught():
        try:
            raise KeyError("absent")
        except KeyError:
            mistake()

    try:
        json.loads("[", parse_float=None, cls=lambda **_: caught())
    except TypeError as error:
        wrapped = ValueError("wrapped")
        wrapped.__cause__ = error
    assert place_of(wrapped) == f" (TypeError at {__file__}:{line()})"


def test_a_sentence_of_our_own_and_what_is_no_users_code_have_no_place():
    assert place_of(raised(lambda: (_ for _ in ()).throw(InputError("Expected a but got b.")))) == ""
    assert place_of(ValueError("never raised")) == ""
