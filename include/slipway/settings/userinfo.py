"""Keep user and password of an address apart from it."""

from __future__ import annotations

from pydantic import SecretStr


def split_userinfo(address: str) -> tuple[str, str]:
    """Return an address without user and password, and these as they stand in it."""
    scheme, mark, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    userinfo, at, host = host.rpartition("@")
    return (f"{scheme}{mark}{host}{slash}{path}", userinfo) if mark and at else (address, "")


def revealed(secret: SecretStr | None) -> str | None:
    """Return the text of a secret, if there is one."""
    return None if secret is None else secret.get_secret_value()
