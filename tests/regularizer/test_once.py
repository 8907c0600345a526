"""Each thing is said once."""

import warnings

from mine_lightning.regularizer.once import Once


def test_each_thing_is_said_the_first_time():
    once = Once()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for what, sentence in (("a", "one"), ("a", "two"), ("b", "three"), ("a", "four")):
            once.say(what, sentence)
    assert [str(warning.message) for warning in caught] == ["one", "three"]
