"""`slipway keys new`: a pair of keys, and where each half belongs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from slipway.adapters.signatures import TrustedKeys, open_signer
from slipway.cli.commands import commands


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ed25519"])
def test_both_halves_are_written_and_named(tmp_path: Path, kind: str) -> None:
    """The private one only for its owner; the id is the one that signatures name."""
    words = ["keys", "new", "--into", str(tmp_path), "--kind", kind]
    done = CliRunner().invoke(commands, words, catch_exceptions=False)
    private, public = tmp_path / "slipway.key.pem", tmp_path / "slipway.pub.pem"
    assert private.stat().st_mode & 0o777 == 0o600
    assert "SLIPWAY_SIGNING_KEY" in done.output
    assert "SLIPWAY_TRUSTED_KEYS" in done.output
    key_id = open_signer(str(private)).key_id
    assert f"id: {key_id}" in done.output
    assert list(TrustedKeys(public).keys()) == [key_id]
    assert "PRIVATE" not in done.output


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    """Another name is needed, and the key that is there stays."""
    words = ["keys", "new", "--into", str(tmp_path), "--json"]
    first = json.loads(CliRunner().invoke(commands, words, catch_exceptions=False).output)
    again = CliRunner().invoke(commands, words)
    assert again.exit_code == 1
    assert "never replaced" in again.output
    assert open_signer(first["private"]).key_id == first["key_id"]
    done = CliRunner().invoke(commands, [*words, "--name", "next"], catch_exceptions=False)
    assert json.loads(done.output)["public"] == str(tmp_path / "next.pub.pem")
