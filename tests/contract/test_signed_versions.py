"""One store alone cannot make anything load another model, where trusted keys are set.

Three holders (of MLflow, of the artifacts, of the store) and three deeds of each, on a real MLflow
server. Whatever is loaded passes the download of the registry or that of the platform.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import urllib.request
import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.errors import BadSignature, SlipwayError, Tampered
from slipway.serving.platform.supervisor.downloads import Downloads
from slipway.stages.model.manifest import MANIFEST, MODEL, seal
from slipway.stages.model.sign_version import sign_version
from slipway.stages.model.signature import SIGNATURE
from slipway.stages.model.version_tags import DIGEST, SIGNED_BY
from slipway.stages.ports.registry import ModelVersion
from tests.support.keys import Keys
from tests.support.registry_env import RegistryEnv


@dataclass
class Installation:
    """Two models with signed versions, and servers that trust their key alone.

    Attributes:
        home: Folder of the test.
        env: Registry of the first model, which requires signatures.
        keys: Keys of the installation.
        other: Name of the second model.
    """

    home: Path
    env: RegistryEnv
    keys: Keys
    other: str

    @property
    def model(self) -> str:
        """Name of the first model."""
        return self.env.model

    def folder(self, text: str, *, model: str | None = None) -> tuple[Path, str]:
        """A version's folder, and the digest of its manifest."""
        folder = self.home / uuid.uuid4().hex / "model"
        folder.mkdir(parents=True)
        (folder / MODEL).write_text(text)
        return folder, seal(folder, {"model": model or self.model})

    def register(self, text: str, *, model: str | None = None, sign: bool = True) -> ModelVersion:
        """A registered version, signed as a promotion signs it."""
        name = model or self.model
        folder, digest = self.folder(text, model=name)
        made = self.env.registry.register(
            name,
            model_uri=self.env.log(folder),
            run_key=f"{name}/{uuid.uuid4().hex}",
            tags={DIGEST: digest},
        )
        if sign:
            signing = self.keys.signing
            sign_version(made, sha256=digest, registry=self.env.registry, signing=signing)
        return self.env.registry.version(name, made.version)

    def load(self, version: int, sha256: str | None = None) -> str:
        """Text of the model that stages load, after the platform got or refused the same."""
        to = self.home / uuid.uuid4().hex
        local = Downloads(self.env.registry, to / "scratch", trusted_keys=self.keys.public)
        try:
            served = (
                asyncio.run(local.fetch(self.model, version, sha256)).folder / MODEL
            ).read_text()
        except (BadSignature, Tampered) as error:
            served = type(error).__name__
        finally:
            local.close()
        with pytest.raises(SlipwayError) if served[0].isupper() else nullcontext() as refused:
            folder = self.env.registry.download(self.model, version, to / "v", sha256=sha256)
            assert (folder / MODEL).read_text() == served
        if refused is not None:
            assert type(refused.value).__name__ == served
            raise refused.value
        return served

    def put(self, version: ModelVersion, name: str, data: bytes) -> None:
        """Replace a file among the artifacts of a version."""
        self.env.registry.add_file(version.model, version.version, name, data)

    def put_folder(self, version: ModelVersion, folder: Path) -> None:
        """Replace the artifacts of a version by those of a folder."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.put(version, file.relative_to(folder).as_posix(), file.read_bytes())


@pytest.fixture
def ours(mlflow_server: str, tmp_path: Path) -> Installation:
    """An installation whose model has a signed champion, version 1."""
    keys = Keys.make(tmp_path)
    unique = uuid.uuid4().hex[:12]
    env = RegistryEnv(
        MlflowRegistry(mlflow_server, verifier=keys.verifier),
        MlflowTracking(mlflow_server),
        str,
        f"sales_{unique}",
    )
    made = Installation(tmp_path, env, keys, f"costs_{unique}")
    made.register("champion")
    assert made.load(1) == "champion"
    return made


def test_who_holds_mlflow_cannot_exchange_a_file(ours: Installation) -> None:
    """Its digest is in the manifest."""
    ours.put(ours.env.registry.version(ours.model, 1), MODEL, b"evil")
    with pytest.raises(Tampered, match="differs from the one that was registered"):
        ours.load(1)


def test_who_holds_mlflow_cannot_hide_a_version_by_its_tags(
    ours: Installation, mlflow_server: str
) -> None:
    """Without the tag of its key, or with another digest, the champion is loaded as before."""
    champion = ours.env.registry.version(ours.model, 1)
    delete_tag(mlflow_server, champion, SIGNED_BY)
    assert SIGNED_BY not in ours.env.registry.version(ours.model, 1).tags
    assert ours.load(1) == "champion"
    ours.env.registry.tag(ours.model, 1, {DIGEST: "0" * 64})
    assert ours.load(1, champion.tags[DIGEST]) == "champion"
    delete_tag(mlflow_server, champion, DIGEST)
    assert ours.load(1, champion.tags[DIGEST]) == "champion"


def delete_tag(server: str, version: ModelVersion, tag: str) -> None:
    """Delete a tag of a version, as a person does in MLflow."""
    told = {"name": version.model, "version": str(version.version), "key": tag}
    request = urllib.request.Request(  # noqa: S310 - the server of the test
        f"{server}/api/2.0/mlflow/model-versions/delete-tag",
        data=json.dumps(told).encode(),
        headers={"Content-Type": "application/json"},
        method="DELETE",
    )
    with urllib.request.urlopen(request):  # noqa: S310 - the server of the test
        pass


def test_who_holds_mlflow_cannot_exchange_manifest_and_tag(ours: Installation) -> None:
    """The signature is of the manifest that was promoted."""
    folder, digest = ours.folder("evil")
    ours.put_folder(ours.env.registry.version(ours.model, 1), folder)
    ours.env.registry.tag(ours.model, 1, {DIGEST: digest})
    with pytest.raises(BadSignature, match="about another version"):
        ours.load(1)
    theirs = Keys.make(ours.home, "theirs")
    ours.put(ours.env.registry.version(ours.model, 1), SIGNATURE, theirs.bundle(folder, ours.model))
    ours.env.registry.tag(ours.model, 1, {SIGNED_BY: theirs.key_id})
    with pytest.raises(BadSignature, match="not trusted here"):
        ours.load(1)


def test_who_holds_mlflow_cannot_register_a_version(ours: Installation) -> None:
    """Neither without a signature nor with that of another model can it be loaded."""
    made = ours.register("evil", sign=False)
    ours.env.registry.set_alias(ours.model, "champion", made.version)
    with pytest.raises(BadSignature, match="is not signed"):
        ours.load(made.version)
    costs = ours.register("costs", model=ours.other)
    copied = ours.env.registry.register(
        ours.model,
        model_uri=costs.source_uri,
        run_key=f"{ours.model}/copied",
        tags={name: costs.tags[name] for name in (DIGEST, SIGNED_BY)},
    )
    with pytest.raises(BadSignature, match="about another version"):
        ours.load(copied.version)


def test_who_holds_the_artifacts_cannot_exchange_files(ours: Installation) -> None:
    """The tag has the digest of the manifest."""
    folder, _ = ours.folder("evil")
    ours.put_folder(ours.env.registry.version(ours.model, 1), folder)
    with pytest.raises(Tampered, match="differs from the one that was registered"):
        ours.load(1)


def test_who_holds_the_artifacts_cannot_exchange_a_signed_version(ours: Installation) -> None:
    """Another version with its genuine signature is not the one that the tag names."""
    second = ours.register("second")
    folder = ours.env.registry.download(ours.model, second.version, ours.home / "second")
    ours.put_folder(ours.env.registry.version(ours.model, 1), folder)
    with pytest.raises(BadSignature, match="about another version"):
        ours.load(1)


def test_who_holds_the_artifacts_cannot_exchange_the_signature(ours: Installation) -> None:
    """One of another key, none, and what is no signature are refused."""
    folder = ours.env.registry.download(ours.model, 1, ours.home / "first")
    first = ours.env.registry.version(ours.model, 1)
    for data in (Keys.make(ours.home, "theirs").bundle(folder, ours.model), b""):
        ours.put(first, SIGNATURE, data)
        with pytest.raises(BadSignature):
            ours.load(1)


def test_who_holds_the_store_cannot_serve_an_unsigned_version(ours: Installation) -> None:
    """A desired state may name what a person registered, or what an import left unsigned."""
    unsigned = ours.register("left", sign=False)
    with pytest.raises(BadSignature, match="is not signed"):
        ours.load(unsigned.version, unsigned.tags[DIGEST])


def test_who_holds_the_store_cannot_serve_another_model(ours: Installation) -> None:
    """A desired state with the digest of another model finds that one's files, not its name."""
    costs = ours.register("costs", model=ours.other)
    with pytest.raises(BadSignature, match=f"on {ours.model}, .*\n.*on {ours.other}, "):
        ours.load(1, costs.tags[DIGEST])


def test_who_holds_the_store_cannot_have_another_training_signed(ours: Installation) -> None:
    """A forged record of a training names files whose manifest names another training or model."""
    costs = ours.register("costs", model=ours.other, sign=False)
    forged = ours.env.registry.register(
        ours.model, model_uri=costs.source_uri, run_key=f"{ours.model}/forged", tags=costs.tags
    )
    for sha256, wrong in ((costs.tags[DIGEST], "another model"), ("0" * 64, "differs from")):
        with pytest.raises(Tampered, match=wrong):
            sign_version(
                forged, sha256=sha256, registry=ours.env.registry, signing=ours.keys.signing
            )
    own = ours.register("refused by its gates", sign=False)
    with pytest.raises(Tampered, match="another model or training"):
        sign_version(
            own,
            sha256=own.tags[DIGEST],
            registry=ours.env.registry,
            signing=ours.keys.signing,
            run_key=f"{ours.model}/request-000007",
        )


def test_a_copy_from_before_the_keys_is_verified_too(ours: Installation) -> None:
    """An unsigned copy in the scratch folder is replaced once its version is signed."""
    unsigned = ours.register("earlier", sign=False)
    scratch = ours.home / "kept"
    registry = MlflowRegistry(ours.env.registry.address)  # type: ignore[attr-defined]
    before = Downloads(registry, scratch)
    folder = asyncio.run(before.fetch(ours.model, unsigned.version)).folder
    before.close()
    after = Downloads(ours.env.registry, scratch, trusted_keys=ours.keys.public)
    with pytest.raises(BadSignature):
        asyncio.run(after.fetch(ours.model, unsigned.version))
    signing = ours.keys.signing
    sign_version(
        unsigned, sha256=unsigned.tags[DIGEST], registry=ours.env.registry, signing=signing
    )
    assert asyncio.run(after.fetch(ours.model, unsigned.version)).folder == folder
    assert (folder / SIGNATURE).is_file()
    shutil.rmtree(folder)
    assert (asyncio.run(after.fetch(ours.model, unsigned.version)).folder / MANIFEST).is_file()
    after.close()
