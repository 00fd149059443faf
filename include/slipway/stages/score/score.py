"""Score one partition of event time in chunks, and replace its scores in one commit."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.errors import BadSignature
from slipway.records.attempts import Attempt
from slipway.records.desired_state import BATCH_FOLDER
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.scratch_folder import scratch_folder
from slipway.records.store import Store
from slipway.records.verdicts import Number, Verdict
from slipway.spec.logged_columns import logged_names
from slipway.stages.model.class_scores import answer_columns
from slipway.stages.model.key_text import key_texts
from slipway.stages.model.newest_delivery import BATCH, in_delivery_order, order_columns
from slipway.stages.ports.scores import FeatureTables, Scores
from slipway.stages.rollout.genuine_state import newest_genuine
from slipway.stages.score.partitions import Scoring
from slipway.stages.score.shared_keys import SharedKeys, find_shared_keys

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.package import LoadPackage, Package
    from slipway.stages.ports.registry import Registry
    from slipway.stages.rollout.signed_states import StateTrust


def score(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    scoring: Scoring,
    context: RunContext,
    tables: FeatureTables,
    scores: Scores,
    registry: Registry,
    load: LoadPackage,
    trust: StateTrust | None = None,
) -> RunRecord:
    """Score a partition and replace its rows: `scored`, or `overtaken` by newer features.

    Rows are read, scored and written in chunks, so that memory does not grow with the partition.

    Args:
        spec: The model.
        dataset: Its dataset.
        scoring: Partition, fingerprint of its features, and model version.
        context: Store of the records, and origin.
        tables: Features.
        scores: Score table.
        registry: Folder of the version.
        load: Loads a version's folder.
        trust: Keys that have to have signed the desired state; None: it is not signed.

    Raises:
        BadRequest: The version cannot score the features.
        BadSignature: Signatures are required, and no signed state names the version.
        Superseded: A newer attempt has begun, or newer features have been scored.
    """
    work = _Scoring(spec, dataset, scoring, tables, scores, registry, load, trust)
    inputs = {
        "partition": scoring.window.name,
        "start": scoring.window.start.isoformat(),
        "end": scoring.window.end.isoformat(),
        "features": scoring.features,
        "version": scoring.version,
    }
    return perform(
        context,
        scoring.ref(spec.model),
        work.attempt,
        inputs=inputs,
    )


@dataclass(frozen=True)
class _Scoring:
    """Inputs and adapters of one scoring."""

    spec: ModelSpec
    dataset: DatasetSpec
    scoring: Scoring
    tables: FeatureTables
    scores: Scores
    registry: Registry
    load: LoadPackage
    trust: StateTrust | None

    def attempt(self, attempt: Attempt) -> Verdict:
        """Score the partition, unless its features changed since it was listed."""
        began = time.perf_counter()
        name, version = self.scoring.window.name, self.tables.version(self._table)
        features = SharedKeys(()) if version is None else self._features(attempt.store, version)
        if version is None or features.fingerprint(self.scoring.window) != self.scoring.features:
            reason = f"The features of {name} have changed since; the next run scores them."
            return Verdict("overtaken", reason, {"partition": name})
        with scratch_folder("slipway-score-", needs="the version's folder") as scratch:
            folder = scratch / "version"
            sha256 = self._meant(attempt.store)
            package = self.load(
                self.registry.download(self.spec.model, self.scoring.version, folder, sha256=sha256)
            )
        batches = {file.batch for file in features.inside(self.scoring.window)}
        partners = features.partners.get(name, ())
        several = len(batches) > 1 or bool(partners)
        replaced = self._replaced(version, partners) if several else None
        rows = self.scores.replace(
            self.spec.model,
            name,
            self._frames(package, version, replaced),
            features=self.scoring.features,
            features_version=version,
            attempt=attempt,
        )
        seconds = time.perf_counter() - began
        reason = (
            f"Version {self.scoring.version} scored the {rows:,} rows of {name} in {seconds:.1f} s."
        )
        numbers: dict[str, Number] = {
            "partition": name,
            "rows": rows,
            "replaced_rows": 0 if replaced is None else len(replaced),
            "seconds": round(seconds, 3),
            "version": self.scoring.version,
            "features_version": version,
        }
        table = attempt.store.uri(f"tables/{self.spec.model}/scores")
        return Verdict("scored", reason, numbers, {"scores": table})

    def _meant(self, store: Store) -> str | None:
        """Digest of the version: its number may mean other bytes, which no rollout verified."""
        model, version = self.spec.model, self.scoring.version
        state = newest_genuine(store, model, folder=BATCH_FOLDER, trust=self.trust)
        has_to_name = self.trust is not None and self.trust.verifier is not None
        if has_to_name and (state is None or version not in state.versions):
            raise BadSignature(
                f"version {version} of {model} may not score",
                expected="a signed desired state that names it",
                found=f"generation {state.generation}, which does not" if state else "none",
                where=f"{BATCH_FOLDER}/{model}",
                hint=f"`slipway status {model}` names the states that are not followed, and why",
            )
        return state.digests.get(version) if state else None

    def _frames(
        self, package: Package, version: int, replaced: pd.Index | None
    ) -> Iterator[pd.DataFrame]:
        """The partition's rows with their scores, in chunks."""
        import pandas as pd

        key, event_time = self.dataset.identity.key.column, self.dataset.identity.time.column
        declared = self.dataset.streams.features.columns
        features = [one["name"] for one in package.manifest["features"] if one["name"] in declared]
        kept = [name for name in features if declared[name].pii is None]
        scored_at = pd.Timestamp.now(tz="UTC")
        for rows in self._stream(version, [key, event_time, *features, BATCH]):
            if replaced is not None:
                rows = rows[~pd.MultiIndex.from_frame(rows[[key, BATCH]]).isin(replaced)]  # noqa: PLW2901
            if rows.empty:
                continue
            yield (
                rows[kept]
                .rename(columns=logged_names(package.manifest))
                .assign(
                    key=key_texts(rows[key]),
                    event_time=rows[event_time],
                    **answer_columns(package.predict(rows), package.manifest.get("classes")),
                    version=self.scoring.version,
                    scored_at=scored_at,
                )
            )

    def _replaced(self, version: int, partners: Collection[str]) -> pd.Index | None:
        """Key and batch of rows whose key was delivered again later; None without any.

        Args:
            version: Version of the features.
            partners: Batches that hold keys of the partition in other ones.

        The first pass keeps eight bytes per row; others read the rows of repeated keys.
        """
        import numpy as np
        import pandas as pd

        key = self.dataset.identity.key.column

        def hashed(rows: pd.DataFrame) -> Any:
            return pd.util.hash_array(rows[key].to_numpy(dtype=object))

        every = np.concatenate([hashed(rows) for rows in self._stream(version, [key])] or [[]])
        every.sort()
        order = order_columns(self.tables, self._table, version=version)
        columns = list(dict.fromkeys([key, self.dataset.identity.time.column, *order, BATCH]))
        elsewhere = [
            rows[np.isin(hashed(rows), every)] for rows in self._beside(version, columns, partners)
        ]
        twice = np.concatenate([every[1:][every[1:] == every[:-1]], *map(hashed, elsewhere)])
        if len(twice) == 0:
            return None
        again = [
            rows[np.isin(hashed(rows), twice)].assign(_inside=True)
            for rows in self._stream(version, columns)
        ]
        in_order = in_delivery_order(
            pd.concat([*again, *(rows.assign(_inside=False) for rows in elsewhere)])
        )
        older = in_order[in_order.duplicated(key, keep="last") & in_order["_inside"]]
        return pd.MultiIndex.from_frame(older[[key, BATCH]])

    def _beside(
        self, version: int, columns: Sequence[str], partners: Collection[str]
    ) -> Iterator[pd.DataFrame]:
        """Rows of some batches in other partitions."""
        if not partners:
            return
        window, event_time = self.scoring.window, self.dataset.identity.time.column
        for rows in self.tables.stream(
            self._table,
            version=version,
            columns=columns,
            where=[(BATCH, "in", sorted(partners))],
            chunk_rows=self.spec.deployment.batch.chunk_rows,
        ):
            times = rows[event_time]
            yield rows[(times < window.start) | (times >= window.end)]

    def _stream(self, version: int, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        window, identity = self.scoring.window, self.dataset.identity
        event_time = identity.time.column
        for rows in self.tables.stream(
            self._table,
            version=version,
            columns=columns,
            where=[(event_time, ">=", window.start), (event_time, "<", window.end)],
            chunk_rows=self.spec.deployment.batch.chunk_rows,
        ):
            # A derived key is missing in rows from before the dataset had it.
            yield rows.dropna(subset=[identity.key.column]) if identity.key.parts else rows

    def _features(self, store: Store, version: int) -> SharedKeys:
        return find_shared_keys(
            self.spec,
            self.dataset,
            store=store,
            tables=self.tables,
            version=version,
            complete=False,
        )

    @property
    def _table(self) -> str:
        return f"{self.dataset.dataset}/features"
