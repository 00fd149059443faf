"""Paths of settings, absolute: processes that inherit the settings work in other folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr

_NO_PATH = ("://", "-----BEGIN")


def _absolute_key(key: SecretStr) -> SecretStr:
    """Return a key that is no path as it is: the PEM itself, or the address of one in AWS KMS."""
    given = key.get_secret_value()
    if not given or any(mark in given for mark in _NO_PATH):
        return key
    return SecretStr(str(Path(given).absolute()))


AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]
KeyOrAbsolutePath = Annotated[SecretStr, AfterValidator(_absolute_key)]
