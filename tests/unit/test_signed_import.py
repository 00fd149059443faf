"""Import of signed versions: whose key is required, and whose the version has afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.adapters.signatures import TrustedKeys
from slipway.errors import BadParameter, BadSignature, NotFound
from slipway.stages.model.sign_version import Signing, sign_version
from slipway.stages.model.signature import SIGNATURE, parse_bundle
from slipway.stages.model.version_tags import DIGEST, SIGNED_BY
from tests.fakes.kill_points import Killed, KillPoint
from tests.support import ferry_dataset
from tests.support.environments import Environment, spec
from tests.support.keys import Keys

NAME = spec().model


@pytest.fixture
def theirs(tmp_path: Path) -> Keys:
    """Key of staging."""
    return Keys.make(tmp_path, "staging")


@pytest.fixture
def ours(tmp_path: Path) -> Keys:
    """Key of production."""
    return Keys.make(tmp_path, "production")


@pytest.fixture
def signed(staging: Environment, theirs: Keys) -> Environment:
    """Staging, whose champion is signed by its key."""
    registry = staging.training.registry
    version = registry.version(NAME, 1)
    sign_version(version, sha256=version.tags[DIGEST], registry=registry, signing=theirs.signing)
    return staging


def trust(environment: Environment, source: Environment, place: Path) -> TrustedKeys:
    """Require signatures of these keys of an import and of what it brings."""
    verifier = TrustedKeys(place)
    environment.training.registry.verifier = verifier  # type: ignore[attr-defined]
    source.training.registry.verifier = verifier  # type: ignore[attr-defined]
    return verifier


def signer_of(environment: Environment) -> str:
    """Key that signed version 1."""
    registry = environment.training.registry
    key_id = parse_bundle(registry.read_file(NAME, 1, SIGNATURE), where="").key_id
    assert registry.version(NAME, 1).tags[SIGNED_BY] == key_id
    return key_id


def test_without_keys_nothing_is_signed(staging: Environment, production: Environment) -> None:
    """Neither a promotion nor an import needs one."""
    assert production.bring(staging).action == "brought"
    for environment in (staging, production):
        registry = environment.training.registry
        assert SIGNED_BY not in registry.version(NAME, 1).tags
        with pytest.raises(NotFound):
            registry.read_file(NAME, 1, SIGNATURE)


def test_a_version_is_signed_by_the_key_of_its_target(
    signed: Environment, production: Environment, tmp_path: Path, theirs: Keys, ours: Keys
) -> None:
    """The import trusts both keys; what serves there needs to trust its own alone."""
    both = tmp_path / "both"
    both.write_bytes(theirs.public.read_bytes() + ours.public.read_bytes())
    verifier = trust(production, signed, both)
    production.training.signing = Signing(ours.signing.signer, verifier)
    assert production.bring(signed).action == "brought"
    assert signer_of(production) == ours.key_id
    trust(production, signed, ours.public)
    assert production.roll() == ["roll_out", "verified", "switched", "promoted"]


def test_a_version_keeps_its_signature_where_no_key_signs(
    signed: Environment, production: Environment, theirs: Keys
) -> None:
    """The source's key is trusted here, so nothing has to be signed."""
    verifier = trust(production, signed, theirs.public)
    production.training.signing = Signing(None, verifier)
    assert production.bring(signed).action == "brought"
    assert signer_of(production) == theirs.key_id
    assert production.roll() == ["roll_out", "verified", "switched", "promoted"]


def test_a_version_of_an_unknown_key_is_not_brought(
    signed: Environment, production: Environment, ours: Keys
) -> None:
    """Nothing of it is copied, and no record is left."""
    trust(production, signed, ours.public)
    production.training.signing = ours.signing
    with pytest.raises(BadSignature, match="not trusted here"):
        production.bring(signed)
    assert production.training.registry.versions == {}  # type: ignore[attr-defined]
    assert production.training.tracking.runs == {}


def test_an_unsigned_champion_is_not_compared_with(
    signed: Environment, production: Environment, theirs: Keys
) -> None:
    """The gates of an import load the champion here, which has to be signed, too."""
    production.bring(signed)
    production.roll()
    signed.training.land(ferry_dataset.crossings(days=60))
    registry = production.training.registry
    registry.versions[NAME][0].tags.pop(SIGNED_BY)  # type: ignore[attr-defined]
    folder = production.training.tracking.root / registry.version(NAME, 1).source_uri[8:]
    (folder / SIGNATURE).unlink()
    registry.verifier = theirs.verifier  # type: ignore[attr-defined]
    request = production.training.ask()
    production.training.snapshot(request)
    production.training.train(request)
    with pytest.raises(BadSignature, match="is not signed"):
        production.training.evaluate(request)


def test_a_candidate_is_not_refused_for_an_unsigned_champion(
    staging: Environment, production: Environment, theirs: Keys
) -> None:
    """The stage fails with the reason; once the champion is signed, its repeat passes."""
    production.bring(staging)
    production.roll()
    training = production.training
    training.signing = Signing(theirs.signing.signer)
    training.until_gate(request := training.ask())
    training.promote(request)
    begun = production.reconcile()
    assert begun.verdict.action == "roll_out"
    training.registry.verifier = theirs.verifier  # type: ignore[attr-defined]
    with pytest.raises(BadParameter, match=r"(?s)compared with the champion.*is not signed"):
        production.verify(begun.ref.run)
    first = training.registry.version(NAME, 1)
    signing = theirs.signing
    sign_version(first, sha256=first.tags[DIGEST], registry=training.registry, signing=signing)
    assert production.verify(begun.ref.run).verdict.action == "verified"


def test_a_kill_at_any_write_leaves_a_signed_version(
    signed: Environment, tmp_path: Path, theirs: Keys
) -> None:
    """No alias names the version before it is signed."""
    writes, done = 0, False
    while not done:
        production = Environment.in_memory(f"production-{writes}", tmp_path)
        production.training.signing = Signing(theirs.signing.signer, theirs.verifier)
        try:
            production.killed_at(KillPoint(writes)).bring(signed)
            done = True
        except Killed:
            if production.training.registry.alias(NAME, "challenger") is not None:
                assert signer_of(production) == theirs.key_id
            production.bring(signed)
        assert production.challenger() == 1
        assert signer_of(production) == theirs.key_id
        writes += 1
    assert writes > 14


def test_a_key_that_is_not_trusted_here_signs_nothing(
    signed: Environment, production: Environment, theirs: Keys, ours: Keys
) -> None:
    """The error says which half belongs where, before an alias names the version."""
    verifier = trust(production, signed, theirs.public)
    production.training.signing = Signing(ours.signing.signer, verifier)
    with pytest.raises(BadParameter, match=r"(?s)would be refused here.*public half"):
        production.bring(signed)
    assert production.training.registry.alias(NAME, "challenger") is None
