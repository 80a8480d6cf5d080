"""The one error that a user is meant to see."""

from __future__ import annotations


class GtzanError(Exception):
    """A mistake that its message explains: what is wrong, where, and what to do next.

    The command line prints the message without a traceback and exits with status 2. Code that meets the
    impossible raises an ordinary exception instead.
    """
