"""Promotion of a challenger with keys: it is signed before an alias names it, or not registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.errors import BadParameter
from slipway.records.requests import Request
from slipway.stages.model.sign_version import Signing
from slipway.stages.model.signature import verify_folder
from slipway.stages.model.version_tags import SIGNED_BY
from tests.support import ferry_dataset
from tests.support.keys import Keys
from tests.support.training_env import TrainingEnv


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingEnv, Request]:
    """A training whose gates hold, and its request."""
    made = TrainingEnv.in_memory(tmp_path_factory.mktemp("trained"))
    made.land(ferry_dataset.crossings(days=60))
    request = made.ask()
    assert made.until_gate(request).verdict.action == "promote"
    return made, request


def test_a_promotion_without_a_usable_key_names_no_version(
    gated: tuple[TrainingEnv, Request], tmp_path: Path
) -> None:
    """Where signatures are required, and no key signs, or one that is not trusted."""
    env, request = gated
    keys, other = Keys.make(tmp_path), Keys.make(tmp_path, "other")
    env.signing = Signing(None, keys.verifier)
    with pytest.raises(BadParameter, match=r"(?s)registered unsigned.*no SLIPWAY_SIGNING_KEY"):
        env.promote(request)
    assert not env.registry.exists(env.spec.model)
    env.signing = Signing(other.signing.signer, keys.verifier)
    with pytest.raises(BadParameter, match="would be refused here"):
        env.promote(request)
    assert env.registry.alias(env.spec.model, "challenger") is None


def test_a_promoted_version_is_signed(gated: tuple[TrainingEnv, Request], tmp_path: Path) -> None:
    """Tag and record name the key, and the folder has the signature."""
    env, request = gated
    keys = Keys.make(tmp_path)
    env.signing = keys.signing
    promoted = env.promote(request).verdict
    assert promoted.evidence["signed_by"] == keys.key_id
    version = env.registry.alias(env.spec.model, "challenger")
    assert version is not None
    assert version.tags[SIGNED_BY] == keys.key_id
    folder = env.registry.download(env.spec.model, version.version, tmp_path / "v")
    verify_folder(folder, keys.verifier, model=env.spec.model)
