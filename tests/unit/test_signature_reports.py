"""Whether versions are signed, as `slipway status` and `slipway check` tell it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from slipway.cli.commands import commands
from slipway.stages.model.sign_version import UNSIGNED, Signing, sign_version
from slipway.stages.model.signature import SIGNATURE
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.report.signatures import describe_keys, describe_signature
from slipway.wiring.scratch_container import ScratchContainer
from tests.support.environments import Environment, spec
from tests.support.keys import Keys

NAME = spec().model


def test_a_version_tells_its_key_or_why_it_is_refused(staging: Environment, tmp_path: Path) -> None:
    """A tag alone counts for nothing, and without keys an unsigned version tells nothing."""
    registry, keys = staging.training.registry, Keys.make(tmp_path)
    other = Keys.make(tmp_path, "other").verifier

    def told(verifier: object) -> str | None:
        version = registry.version(NAME, 1)
        return describe_signature(version, registry=registry, verifier=verifier)  # type: ignore[arg-type]

    assert told(None) is None
    assert str(told(other)).startswith(f"refused: version 1 of {NAME} is not signed")
    version = registry.version(NAME, 1)
    sign_version(version, sha256=version.tags[DIGEST], registry=registry, signing=keys.signing)
    assert told(keys.verifier) == f"signed by {keys.key_id[:16]}"
    assert "not trusted here" in str(told(other))
    assert "not verified here" in str(told(None))
    registry.add_file(NAME, 1, SIGNATURE, b"{}")
    assert "cannot be read" in str(told(keys.verifier))


def test_check_tells_which_keys_sign_and_are_required(tmp_path: Path) -> None:
    """A signing key that is not trusted here is named before a promotion fails."""
    keys, other = Keys.make(tmp_path), Keys.make(tmp_path, "other")
    mine, theirs = keys.key_id[:16], other.key_id[:16]
    assert describe_keys(UNSIGNED) == "versions are not signed; none has to be"
    assert describe_keys(Signing(keys.signing.signer)) == (
        f"versions are signed by {mine}; none has to be"
    )
    assert describe_keys(keys.signing) == (
        f"versions are signed by {mine}; each has to be, by {mine}"
    )
    told = describe_keys(Signing(keys.signing.signer, other.verifier))
    assert told.endswith(
        f"by {theirs}, which the signing key is not among: a promotion would be refused"
    )


def test_trials_and_backtests_sign_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keys the installation has: what is trained there serves nowhere."""
    monkeypatch.setenv("SLIPWAY_SIGNING_KEY", str(tmp_path / "absent"))
    monkeypatch.setenv("SLIPWAY_TRUSTED_KEYS", str(tmp_path / "absent"))
    assert ScratchContainer(tmp_path, tmp_path / "scratch").signing == UNSIGNED


def test_check_fails_for_keys_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here as everywhere, an absent file of keys is no reason to go without."""
    monkeypatch.setenv("SLIPWAY_TRUSTED_KEYS", str(tmp_path / "absent"))
    done = CliRunner().invoke(commands, ["check"])
    assert done.exit_code == 1
    assert "the trusted keys of model versions cannot be read" in done.output
