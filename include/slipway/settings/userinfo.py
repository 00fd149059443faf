"""Keep user and password of an address apart from it."""

from __future__ import annotations

import re

from pydantic import SecretStr

_ADDRESS = re.compile(r"(?P<scheme>[\w+.-]+://)(?P<userinfo>[^/?#\s]*)@(?P<rest>.*)", re.DOTALL)
_DOUBTFUL = re.compile(r"https?://.*@|[^/@]*:(//)?[^/@]*:.*@|[^/@:]*:(?!//).*@", re.DOTALL)
"""What stands before its `@` may be the rest of a password, or be one without a scheme."""


def split_userinfo(address: str) -> tuple[str, str]:
    """Return an address without user and password, and these as they stand in it.

    Raises:
        ValueError: There is an `@`, and it is not certain what stands before it; without the value.
    """
    found = _ADDRESS.fullmatch(address)
    if found is not None:
        return f"{found['scheme']}{found['rest']}", found["userinfo"]
    if _DOUBTFUL.match(address):
        raise ValueError(
            "an address with a scheme, and with the characters / ? # @ of a user, password or path "
            "as %2F %3F %23 %40"
        )
    return address, ""


def revealed(secret: SecretStr | None) -> str | None:
    """Return the text of a secret, if there is one."""
    return None if secret is None else secret.get_secret_value()
