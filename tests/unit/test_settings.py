"""Settings: passwords of addresses are kept apart from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from slipway.adapters.object_store import open_store
from slipway.cli.commands import commands
from slipway.errors import BadParameter
from slipway.local import stack
from slipway.settings import Settings, split_userinfo


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("https://ann:p%40ss@host:5000/a@b", ("https://host:5000/a@b", "ann:p%40ss")),
        ("https://ann:p@ss@host", ("https://host", "ann:p@ss")),
        ("https://token@host/", ("https://host/", "token")),
        ("s3://bucket/a@b", ("s3://bucket/a@b", "")),
        ("s3://bucket/prefix", ("s3://bucket/prefix", "")),
        ("/folder/ann@host/store", ("/folder/ann@host/store", "")),
    ],
)
def test_user_and_password_are_split_off(address: str, parts: tuple[str, str]) -> None:
    """Whatever stands before the last @ of the host; a path may have one."""
    assert split_userinfo(address) == parts


@pytest.mark.parametrize(
    "address",
    [
        *("http://ann:12/SECRET@host", "http://ann:p#SECRET@host", "ann:SECRET@host:5000"),
        *("https://to/SECRET@host", "s3://ann:p/SECRET@bucket"),
    ],
)
def test_a_password_that_cannot_be_told_apart_is_refused(address: str) -> None:
    """A part of it would else stay in the address; the error does not have it."""
    with pytest.raises(ValueError, match="as %2F") as refused:
        split_userinfo(address)
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize("name", ["mlflow", "platform", "prometheus_url"])
def test_no_address_of_the_settings_shows_a_password(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the setting nor the settings as a whole; only the client's address has it."""
    monkeypatch.setenv(f"SLIPWAY_{name.upper()}", "https://ann:p%40ss@tools.example")
    settings = Settings()
    assert getattr(settings, name) == "https://tools.example"
    assert settings.with_userinfo(name) == "https://ann:p%40ss@tools.example"
    assert "p%40ss" not in f"{settings!r} {settings} {settings.model_dump()}"
    assert settings.model_copy().with_userinfo(name) == "https://ann:p%40ss@tools.example"


def test_a_store_takes_no_password_and_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the setting, and that of an address on the command line, leave it out."""
    monkeypatch.setenv("SLIPWAY_STORE", "s3://key:secret@bucket/prefix")
    result = CliRunner().invoke(commands, ["status"])
    assert result.exit_code != 0
    assert "SLIPWAY_STORE is not valid" in result.stderr
    assert "secret" not in result.output
    with pytest.raises(BadParameter, match="cannot open a store at s3://bucket/prefix") as error:
        open_store("s3://key:secret@bucket/prefix")
    assert "secret" not in str(error.value)


def test_the_default_places_are_in_the_project(tmp_path: Path) -> None:
    """Validation of addresses leaves them as they are."""
    assert Settings(project=tmp_path).store == str(tmp_path / ".slipway/store")


def test_a_relative_file_is_of_the_folder_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a command starts works in another folder, and gets addresses that hold there."""
    monkeypatch.chdir(tmp_path)
    for name in ("TOKENS_FILE", "TRUSTED_KEYS", "SIGNING_KEY", "PII_KEY_FILE", "TLS_CERTIFICATE"):
        monkeypatch.setenv(f"SLIPWAY_{name}", f"secrets/{name}")
    monkeypatch.setattr(stack, "free_ports", lambda *_, **__: [1, 2, 3, 4])
    local = stack.Stack(tmp_path, tmp_path / "up")
    environment = local.environment()
    for name in ("TOKENS_FILE", "TRUSTED_KEYS", "SIGNING_KEY", "PII_KEY_FILE", "TLS_CERTIFICATE"):
        assert environment[f"SLIPWAY_{name}"] == str(tmp_path / "secrets" / name)
    assert (local.addresses.platform, local.addresses.mlflow) == (
        "https://127.0.0.1:3",
        "http://127.0.0.1:2",
    )


@pytest.mark.parametrize("key", ["kms://alias/slipway", "-----BEGIN PRIVATE KEY-----\na/b\n"])
def test_a_signing_key_that_is_no_path_stays(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of AWS KMS and the PEM itself are no files."""
    monkeypatch.setenv("SLIPWAY_SIGNING_KEY", key)
    signing_key = Settings().signing_key
    assert signing_key is not None
    assert signing_key.get_secret_value() == key
