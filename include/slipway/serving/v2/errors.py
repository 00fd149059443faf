"""What a client did wrong, in three kinds; none of them repeats a value."""

from __future__ import annotations

from slipway.errors import BadRequest


class Malformed(BadRequest):
    """A body is not a V2 request; a retry cannot help."""


class Mismatch(BadRequest):
    """A V2 request does not fit the model's signature; a retry cannot help."""


class TooLarge(BadRequest):
    """A request holds more bytes or rows than are answered at once; smaller ones can help."""
