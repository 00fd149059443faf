"""Read and write MLflow's model registry: versions, aliases and tags, never its stages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from slipway.adapters.mlflow_server.api import AlreadyThere, MlflowApi
from slipway.adapters.mlflow_server.registry_answers import (
    every_registered,
    head_tag,
    heads_of,
    model_version,
    pairs,
)
from slipway.adapters.mlflow_server.used_numbers import (
    PLACEHOLDER,
    delete_version,
    use_up_numbers,
)
from slipway.errors import NotFound
from slipway.records.ledger import Head
from slipway.stages.model.meant_version import meant_version, recorded_digest
from slipway.stages.model.signature import SIGNATURE, write_signature
from slipway.stages.model.version_tags import DIGEST, RUN_KEY, SIGNED_BY
from slipway.stages.ports.registry import Anchor, ModelVersion, absent_version
from slipway.stages.ports.signatures import Verifier


class MlflowRegistry:
    """Fulfils the `Registry` port.

    Args:
        url: Address of the MLflow server.
        token: Bearer token, if the server requires one.
        answer_within_s: Time limit of an answer; None: `api.ANSWER_WITHIN_S`.
        verifier: Verifies what is downloaded; None: signatures are not required.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        answer_within_s: float | None = None,
        verifier: Verifier | None = None,
    ) -> None:
        self._verifier = verifier
        self._api = MlflowApi(url, token=token, answer_within_s=answer_within_s)

    @property
    def address(self) -> str:
        """Address without user and password."""
        return self._api.url

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """Return the version that an alias names, or None."""
        registered = self._registered(model)
        named = {one["alias"]: one["version"] for one in registered.get("aliases", [])}
        if alias not in named:
            return None
        try:
            return self.version(model, int(named[alias]))
        except NotFound:
            # It was deleted between the two requests; MLflow deletes its aliases with it.
            return None

    def exists(self, model: str) -> bool:
        """Return whether there is a registered model of that name."""
        return bool(self._registered(model))

    def version(self, model: str, version: int) -> ModelVersion:
        """Return one version.

        Raises:
            NotFound: There is no such version.
        """
        try:
            found = self._api.get("model-versions/get", name=model, version=str(version))
        except NotFound as error:
            here = (one.version for one in self._search_all(f"name = '{model}'"))
            raise absent_version(model, version, here, where=error.where) from error
        return model_version(found["model_version"])

    def with_digest(self, model: str, sha256: str) -> ModelVersion | None:
        """Return the oldest version with a digest in its tags, or None."""
        return min(
            self._search(model, f"tags.`{DIGEST}` = '{sha256}'"),
            key=lambda one: one.version,
            default=None,
        )

    def copies(self, sha256: str) -> list[ModelVersion]:
        """Return the versions of any model with a digest in their tags."""
        return self._search_all(f"tags.`{DIGEST}` = '{sha256}'")

    def register(
        self,
        model: str,
        *,
        model_uri: str,
        run_key: str,
        tags: Mapping[str, str],
        above: int = 0,
    ) -> ModelVersion:
        """Return the version of a run's model, created now or by an earlier attempt.

        Args:
            model: Name of the model.
            model_uri: Address of the logged model.
            run_key: Run that logged it.
            tags: Tags of the version.
            above: Its number is greater than this one; the run's versions up to it are deleted.
        """
        known = self._keep_above(model, run_key, model_uri, above=above)
        if known is not None:
            return known
        self._ensure_registered(model)
        logged = self._api.get(f"logged-models/{model_uri.removeprefix('models:/')}")["model"]
        made = self._create(model, model_uri, logged["info"], {**tags, RUN_KEY: run_key})
        if made.version <= above:
            delete_version(self._api, model, made.version)
            use_up_numbers(
                self._api,
                model,
                numbers=range(made.version + 1, above + 1),
                run_id=logged["info"]["source_run_id"],
            )
            made = self._create(model, model_uri, logged["info"], {**tags, RUN_KEY: run_key})
        return self._keep_oldest(made, above=above)

    def _create(
        self, model: str, model_uri: str, logged: Mapping[str, Any], tags: Mapping[str, str]
    ) -> ModelVersion:
        made = self._api.post(
            "model-versions/create",
            name=model,
            source=model_uri,
            model_id=logged["model_id"],
            run_id=logged["source_run_id"],
            tags=pairs(tags),
        )
        return model_version(made["model_version"])

    def _keep_above(
        self, model: str, run_key: str, model_uri: str, *, above: int
    ) -> ModelVersion | None:
        """The oldest version of a run's model above a number; delete what may not stay."""
        mine = self._of_run(model, run_key, model_uri)
        left = self._search(model, f"tags.`{PLACEHOLDER}` = 'yes'")
        for one in (*left, *(low for low in mine if low.version <= above)):
            delete_version(self._api, model, one.version)
        return next((one for one in mine if one.version > above), None)

    def _keep_oldest(self, mine: ModelVersion, *, above: int) -> ModelVersion:
        """Keep the older of two versions of one run's model that were created in a race."""
        same = self._of_run(mine.model, mine.run_key, mine.source_uri)
        oldest = next((one for one in same if one.version > above), mine)
        if oldest.version != mine.version:
            delete_version(self._api, mine.model, mine.version)
        return oldest

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Move an alias to a version.

        Raises:
            NotFound: There is no such version.
        """
        self._api.post("registered-models/alias", name=model, alias=alias, version=str(version))

    def delete_alias(self, model: str, alias: str) -> None:
        """Delete an alias if it exists."""
        with suppress(NotFound):
            self._api.delete("registered-models/alias", name=model, alias=alias)

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version, keeping its others."""
        for key, value in tags.items():
            self._api.post(
                "model-versions/set-tag", name=model, version=str(version), key=key, value=value
            )

    def anchor(self, anchor: Anchor) -> None:
        """Store the head of a ledger, unless a newer one is or there is no such model."""
        kept = heads_of(self._registered(anchor.model))
        numbers = [one.head.sequence for one in kept if one.subject == anchor.subject]
        if max(numbers, default=0) < anchor.head.sequence:
            self.replace_anchor(anchor)

    def replace_anchor(self, anchor: Anchor) -> None:
        """Store a ledger's head in the place of any other, unless there is no such model."""
        key, value = head_tag(anchor)
        with suppress(NotFound):
            self._api.post("registered-models/set-tag", name=anchor.model, key=key, value=value)

    def anchored(self, model: str) -> Head | None:
        """Return the newest stored head of a model's own ledger, or None."""
        heads = heads_of(self._registered(model))
        return next((one.head for one in heads if one.subject == model), None)

    def list_anchors(self) -> list[Anchor]:
        """Return every stored head of a ledger."""
        return [head for model in every_registered(self._api) for head in heads_of(model)]

    def digest(self, model: str, version: int) -> str:
        """Return the digest of a version's manifest, from its tags.

        Raises:
            NotFound: There is no such version.
            Tampered: It has no digest.
        """
        return recorded_digest(self.version(model, version))

    def read_file(self, model: str, version: int, name: str) -> bytes:
        """Return one file of a version's folder; its digest is not checked.

        Raises:
            NotFound: There is no such version or file.
        """
        return self._api.fetch(self._artifact_uri(model, version), name)

    def add_file(self, model: str, version: int, name: str, data: bytes) -> None:
        """Put a file beside those of a version's folder, replacing one of the same name.

        Raises:
            NotFound: There is no such version.
        """
        self._api.put(self._artifact_uri(model, version), name, data)

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """Download a version's folder, its files checked against the digest in its tags.

        The signature of a version comes first, and with it.

        Args:
            model: Name of the model.
            version: Number within the model.
            to: Folder to create.
            sha256: Digest of the version that is meant; None: the one in its tags.

        Raises:
            NotFound: There is no such version, and no copy of the one that is meant.
            Tampered: It has no digest or another one, or a file differs from it.
            BadSignature: It is not signed by a trusted key.
        """
        found = meant_version(self, model, version, sha256=sha256)
        uri, recorded = self._artifact_uri(found.model, found.version), recorded_digest(found)
        bundle = self._signature(found, uri)
        if self._verifier is not None:
            self._verifier.verify(
                bundle, model=model, sha256=recorded, where=f"{uri}/{SIGNATURE}", version=version
            )
        folder = self._api.download(uri, to, sha256=recorded)
        if bundle is not None:
            write_signature(folder, bundle)
        return folder

    def _signature(self, version: ModelVersion, artifact_uri: str) -> bytes | None:
        # Where no keys are trusted, unsigned versions cost no request; a tag proves nothing.
        if self._verifier is None and SIGNED_BY not in version.tags:
            return None
        with suppress(NotFound):
            return self._api.fetch(artifact_uri, SIGNATURE)
        return None

    def _artifact_uri(self, model: str, version: int) -> str:
        place = self._api.get("model-versions/get-download-uri", name=model, version=str(version))
        return str(place["artifact_uri"])

    def _registered(self, model: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._api.get("registered-models/get", name=model)
        except NotFound:
            return {}
        registered: dict[str, Any] = found["registered_model"]
        return registered

    def _ensure_registered(self, model: str) -> None:
        with suppress(AlreadyThere):
            self._api.post("registered-models/create", name=model)

    def _of_run(self, model: str, run_key: str, model_uri: str) -> list[ModelVersion]:
        """Versions of a run's model, oldest first; those that were deleted are not among them."""
        # By URI too: in a new store the run keys begin at the same numbers again.
        found = self._search(model, f"tags.`{RUN_KEY}` = '{run_key}'")
        mine = (one for one in found if one.source_uri == model_uri)
        return sorted(mine, key=lambda one: one.version)

    def _search(self, model: str, condition: str) -> list[ModelVersion]:
        return self._search_all(f"name = '{model}' AND {condition}")

    def _search_all(self, condition: str) -> list[ModelVersion]:
        found = self._api.get("model-versions/search", filter=condition).get("model_versions", [])
        return [model_version(one) for one in found]
