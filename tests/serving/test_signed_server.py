"""A model server with trusted keys: a version is verified before anything of it is unpacked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from slipway.serving.model_server.load_model import load_model
from slipway.serving.model_server.loaded_model import LoadedModel
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.server_options import Options
from tests.serving.model_versions import MODEL
from tests.support.keys import Keys


def load(folder: Path, trusted: Path | None, log: Path) -> LoadedModel | str:
    """Load a version as a server does."""
    options = Options(trusted_keys=trusted)
    assert eval(repr(options), {"Options": Options, "PosixPath": Path}) == options  # noqa: S307
    return load_model(MODEL, 1, folder, log=log, options=options, metrics=Metrics(MODEL, 1))


def test_a_server_loads_what_a_trusted_key_signed(versions: Path, tmp_path: Path) -> None:
    """Unsigned, signed for another model, changed, or by an unknown key it gives the reason."""
    keys, theirs = Keys.make(tmp_path), Keys.make(tmp_path, "theirs")
    folder = shutil.copytree(versions / "1", tmp_path / "version")
    log = tmp_path / "log"
    assert "BadSignature: a version of" in str(load(folder, keys.public, log))
    for signer, model in ((theirs, MODEL), (keys, "another")):
        signer.sign(folder, model)
        assert str(load(folder, keys.public, log)).startswith("BadSignature: ")
    assert "BadParameter" in str(load(folder, tmp_path / "absent", log))
    keys.sign(folder, MODEL)
    for trusted in (keys.public, None):
        loaded = load(folder, trusted, log)
        assert isinstance(loaded, LoadedModel), loaded


def test_an_unsigned_version_is_not_unpacked(
    versions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No engine sees its files."""

    def unpacked(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("slipway.serving.model_server.load_model.load_engine", unpacked)
    found = load(versions / "1", Keys.make(tmp_path).public, tmp_path / "log")
    assert str(found).startswith("BadSignature: ")
