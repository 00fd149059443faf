"""`slipway sign`: versions from before the keys, as the ledger knows them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from slipway import wiring
from slipway.errors import BadParameter, Tampered
from slipway.records import ledger
from slipway.settings import Settings
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.sign_known import SignedVersion, sign_known
from slipway.stages.model.sign_version import UNSIGNED, Signing
from slipway.stages.model.signature import SHORT_ID
from slipway.stages.model.version_tags import DIGEST, SIGNED_BY
from slipway.stages.ports.registry import ModelVersion
from tests.support.command_line import slipway
from tests.support.environments import Environment, spec
from tests.support.keys import Keys

NAME = spec().model


def signed(environment: Environment, signing: Signing) -> list[SignedVersion]:
    """What the command does."""
    training = environment.training
    found = sign_known(NAME, store=training.store, registry=training.registry, signing=signing)
    return list(found)


def test_versions_of_the_ledger_are_signed(
    staging: Environment, production: Environment, tmp_path: Path
) -> None:
    """One that was trained here and one that was brought; a second key signs them anew."""
    production.bring(staging)
    before = ""
    for name in ("first", "second"):
        keys = Keys.make(tmp_path, name)
        for environment in (staging, production):
            done = SignedVersion(1, "signed", before=before)
            assert signed(environment, keys.signing) == [done]
            environment.training.registry.verifier = keys.verifier  # type: ignore[attr-defined]
            to = tmp_path / f"{name} {environment.name[9:]}"
            environment.training.registry.download(NAME, 1, to)
        before = keys.key_id


def test_the_command_says_which_key_signed_a_version_before(
    staging: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the version's tag, whose control characters are escaped."""
    keys, training = Keys.make(tmp_path), staging.training
    container = SimpleNamespace(
        settings=Settings(signing_key=SecretStr(str(keys.private)), scratch=tmp_path),
        store=training.store,
        registry=training.registry,
        signing=keys.signing,
    )
    monkeypatch.setattr(wiring, "Container", lambda: container)
    state = "desired state {} signed: version 1 serves\n"
    assert slipway("sign", NAME).output == f"version 1 signed\n{state.format(2)}"
    named = "version 1 signed anew: by its tag, it was signed before by key "
    again = slipway("sign", NAME).output
    assert again == f"{named}{keys.key_id[:SHORT_ID]}\n{state.format(3)}"
    training.registry.tag(NAME, 1, {SIGNED_BY: "\x1b[2Jkey"})
    assert slipway("sign", NAME).output.startswith(f"{named}\\x1b[2Jkey\n")


def test_what_the_ledger_does_not_know_is_not_signed(staging: Environment, tmp_path: Path) -> None:
    """Neither a version that a person registered, nor exchanged files with their tag."""
    keys, registry = Keys.make(tmp_path), staging.training.registry
    first = registry.version(NAME, 1)
    uri = staging.training.tracking.log_package(
        next(iter(staging.training.tracking.runs)),
        registry.download(NAME, 1, tmp_path / "copied"),
    )
    second = registry.register(NAME, model_uri=uri, run_key="by hand", tags=first.tags)
    assert [one.version for one in signed(staging, keys.signing)] == [1]
    registry.set_alias(NAME, "champion", second.version)
    change(staging, first)
    (one,) = signed(staging, keys.signing)
    assert (one.version, one.action) == (1, "refused")
    assert "differs from the one that was registered" in one.reason
    registry.delete_version(NAME, 1)  # type: ignore[attr-defined]
    (one,) = signed(staging, keys.signing)
    assert one.action == "absent"


def change(environment: Environment, version: ModelVersion) -> None:
    """Exchange a version's manifest and its tag."""
    registry = environment.training.registry
    data = registry.read_file(NAME, version.version, MANIFEST)
    registry.add_file(NAME, version.version, MANIFEST, data + b" ")
    registry.tag(NAME, version.version, {DIGEST: "0" * 64})


def test_nothing_is_signed_by_a_changed_ledger(staging: Environment, tmp_path: Path) -> None:
    """An edited record ends the command with the place of the edit."""
    store, keys = staging.training.store, Keys.make(tmp_path)
    registrations = (
        entry["fact"]["record"]
        for entry in ledger.read(store, NAME)
        if entry["fact"]["stage"] == "promote_challenger"
    )
    key = next(registrations)
    record = json.loads(store.read(key))
    record["verdict"]["evidence"]["manifest_sha256"] = "0" * 64
    store.write(key, json.dumps(record).encode())
    with pytest.raises(Tampered, match=r"(?s)ledger was changed.*`slipway ledger verify`"):
        signed(staging, keys.signing)


def test_a_signing_key_is_needed(staging: Environment) -> None:
    """The error names the variable."""
    with pytest.raises(BadParameter, match="no SLIPWAY_SIGNING_KEY"):
        signed(staging, UNSIGNED)
