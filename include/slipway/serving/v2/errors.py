"""Errors of V2 requests; their messages never contain feature values."""

from __future__ import annotations

from slipway.errors import BadRequest, SlipwayError


class Malformed(BadRequest):
    """The body is not a V2 request; a retry cannot help."""


class Mismatch(BadRequest):
    """The request does not match the model's signature; a retry cannot help."""


class TooLarge(BadRequest):
    """The request exceeds the limit on bytes or rows; smaller requests can help."""


def in_one_line(error: SlipwayError) -> str:
    """Message of an error with its details on one line, for a JSON field."""
    return "; ".join(line.strip() for line in str(error).splitlines())
