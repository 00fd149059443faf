"""Promotion of a challenger: the gate decides, purely; the registry then does as it said.

What cannot be computed is refused: no verdict comes from a default.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from slipway.errors import NotComputable
from slipway.records import ledger
from slipway.records.requests import Request
from slipway.records.runs import (
    Attempt,
    Number,
    RunRecord,
    RunRef,
    Verdict,
    need_record,
    perform,
)
from slipway.records.store import Store
from slipway.spec import ModelSpec
from slipway.spec.model import Gates, Threshold

CHALLENGER = "challenger"
CHAMPION = "champion"
PREVIOUS = "previous"
CONSTANT = "constant"

RUN_KEY = "slipway.run_key"
DIGEST = "slipway.digest"

# MLflow's fall-back where a champion's value of 0 makes a relative change meaningless.
BETTER_THAN_ZERO = 1e-10


@dataclass(frozen=True)
class ModelVersion:
    """One registered model version.

    Attributes:
        model: Model name.
        version: Number within the model, from 1.
        run_key: Which training run it comes from; unique within the model.
        source_uri: Where the registry has it from.
        tags: What else is known of it.
        created_at: Wall time, UTC.
    """

    model: str
    version: int
    run_key: str
    source_uri: str
    tags: Mapping[str, str]
    created_at: datetime


class Registry(Protocol):
    """Model versions, their aliases and their tags.

    Every method raises `RegistryUnavailable` when the registry does not answer.
    """

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version that an alias names, or None."""

    def version(self, model: str, version: int) -> ModelVersion:
        """One version.

        Raises:
            NotFound: There is no such version.
        """

    def register(
        self, model: str, *, model_uri: str, run_key: str, tags: Mapping[str, str]
    ) -> ModelVersion:
        """The version of a run key, made now or by an earlier attempt."""

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Let an alias name a version, and no other."""

    def delete_alias(self, model: str, alias: str) -> None:
        """Take an alias away; nothing happens when there is none."""

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set some tags of a version; its others stay."""

    def anchor(self, model: str, head: ledger.Head) -> None:
        """Write a ledger's head down, unless a newer one is there."""

    def anchored(self, model: str) -> ledger.Head | None:
        """The ledger's head that was written down last, or None."""

    def download(self, model: str, version: int, to: Path) -> Path:
        """A version's folder, its files checked against the digest in its tags.

        Raises:
            NotFound: There is no such version.
            Tampered: It has no digest, or a file differs from it.
        """


def gate(gates: Gates, numbers: Mapping[str, Number]) -> Verdict:
    """`promote` when every gate holds, else `refuse` with each comparison that does not.

    Args:
        gates: What a challenger must show, in the words of MLflow's `MetricThreshold`.
        numbers: `rows`, `champion.version` (None: there is no champion), and
            `challenger.<metric>`, `champion.<metric>`, `constant.<metric>`.
    """
    failures = [*_uncomputable(gates, numbers)]
    if not failures:
        failures = [
            failure
            for metric, bar in gates.metrics.items()
            for failure in _failures(metric, bar, numbers)
        ]
    compared = _compared(gates, numbers)
    if failures:
        return Verdict("refuse", f"refused: {'; '.join(failures)}", compared)
    return Verdict("promote", f"every gate holds: {_said(gates, compared)}", compared)


def _uncomputable(gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
    """What is missing, in words; while anything is, nothing is compared."""
    rows = _finite(numbers.get("rows"))
    if rows is None:
        yield "the number of holdout rows is not known"
    elif rows < gates.min_holdout_rows:
        yield f"{rows:,.0f} common holdout rows are fewer than {gates.min_holdout_rows:,}"
    if "champion.version" not in numbers:
        yield "it is not known whether there is a champion"
    against = _baseline(numbers)
    for metric in gates.metrics:
        for who in (CHALLENGER, against):
            if _finite(numbers.get(f"{who}.{metric}")) is None:
                yield f"{metric} of the {who} cannot be computed"


def _failures(metric: str, bar: Threshold, numbers: Mapping[str, Number]) -> Iterator[str]:
    """Comparisons of one metric that do not hold; all its numbers are finite."""
    sign = 1.0 if bar.greater_is_better else -1.0
    against = _baseline(numbers)
    challenger = _need(numbers, f"{CHALLENGER}.{metric}")
    baseline = _need(numbers, f"{against}.{metric}")
    gain = sign * (challenger - baseline)
    said = f"{metric} {challenger:.4f}"
    if bar.threshold is not None and sign * challenger < sign * bar.threshold:
        side = "below" if bar.greater_is_better else "above"
        yield f"{said} is {side} the threshold {bar.threshold:g}"
    if against == CONSTANT:
        if gain <= 0:
            yield f"{said} is no better than the constant model's {baseline:.4f}"
        return
    better = f"is not better than the champion's {baseline:.4f} by at least"
    needed = bar.min_absolute_change
    if needed is not None and sign * challenger < sign * baseline + needed:
        yield f"{said} {better} {needed:g}"
    share = bar.min_relative_change
    if share is not None and _relative_falls_short(gain, baseline, share):
        yield f"{said} {better} {share:.2%}"


def _relative_falls_short(gain: float, baseline: float, share: float) -> bool:
    if baseline == 0:
        return gain < BETTER_THAN_ZERO
    return gain / abs(baseline) < share


def _baseline(numbers: Mapping[str, Number]) -> str:
    """What the challenger has to beat: the champion, or a constant while there is none."""
    return CHAMPION if numbers.get("champion.version") is not None else CONSTANT


def _finite(value: Number) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _need(numbers: Mapping[str, Number], name: str) -> float:
    value = _finite(numbers[name])
    if value is None:
        raise NotComputable(f"{name} cannot be computed")
    return value


def _compared(gates: Gates, numbers: Mapping[str, Number]) -> dict[str, Number]:
    """The numbers that the gates look at; what is not finite is None."""
    names = ["rows", "champion.version"]
    for metric in gates.metrics:
        names += [f"{who}.{metric}" for who in (CHALLENGER, CHAMPION, CONSTANT)]
    return {name: _plain(numbers[name]) for name in names if name in numbers}


def _plain(value: Number) -> Number:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _said(gates: Gates, numbers: Mapping[str, Number]) -> str:
    against = _baseline(numbers)
    said = [
        f"{metric} {_need(numbers, f'{CHALLENGER}.{metric}'):.4f} "
        f"({against} {_need(numbers, f'{against}.{metric}'):.4f})"
        for metric in gates.metrics
    ]
    return f"{', '.join(said)} on {numbers['rows']:,} rows that neither had seen"


def gate_challenger(
    spec: ModelSpec, *, request: Request, store: Store, origin: Mapping[str, Any]
) -> RunRecord:
    """Record of the gate's verdict on what was evaluated.

    Raises:
        NotFound: The evaluation has not finished.
    """
    ref = RunRef(spec.model, request.run, "gate")
    evaluated = need_record(store, ref.beside("evaluate"))

    def decide(_: Attempt) -> Verdict:
        verdict = gate(spec.gates, evaluated.verdict.numbers)
        return replace(verdict, evidence={"evaluation": evaluated.ref.key})

    return perform(
        store,
        ref,
        decide,
        inputs={"request": request.number, "evaluation": evaluated.ref.key},
        origin=origin,
    )


def promote_challenger(
    spec: ModelSpec,
    *,
    request: Request,
    store: Store,
    registry: Registry,
    origin: Mapping[str, Any],
) -> RunRecord:
    """Record of a registered challenger, or of the gate's refusal.

    Raises:
        NotFound: The gate has not decided.
        RegistryUnavailable: The MLflow server does not answer.
        Superseded: A newer attempt has begun.
    """
    ref = RunRef(spec.model, request.run, "promote_challenger")
    gated = need_record(store, ref.beside("gate"))
    trained = need_record(store, ref.beside("train"))
    pinned = need_record(store, ref.beside("snapshot"))
    tags = _version_tags(
        request, gated=gated.verdict, trained=trained.verdict, pinned=pinned.verdict
    )

    def act(attempt: Attempt) -> Verdict:
        if gated.verdict.action != "promote":
            return Verdict("refused", gated.verdict.reason, gated.verdict.numbers)
        attempt.check()
        version = registry.register(
            spec.model,
            model_uri=trained.verdict.evidence["model_uri"],
            run_key=f"{spec.model}/{request.run}",
            tags=tags,
        )
        registry.set_alias(spec.model, CHALLENGER, version.version)
        registry.anchor(spec.model, ledger.head(store, spec.model))
        return Verdict(
            "promoted",
            f"version {version.version} is the challenger: {gated.verdict.reason}",
            {"version": version.version, **gated.verdict.numbers},
            {"model": f"models:/{spec.model}/{version.version}", **trained.verdict.evidence},
        )

    return perform(
        store,
        ref,
        act,
        inputs={"request": request.number, "gate": gated.ref.key},
        origin=origin,
    )


def _version_tags(
    request: Request, *, gated: Verdict, trained: Verdict, pinned: Verdict
) -> dict[str, str]:
    """What is known of a version without opening it."""
    champion = gated.numbers.get("champion.version")
    pins = {name: pinned.numbers[name] for name in ("features_version", "labels_version", "as_of")}
    return {
        DIGEST: trained.evidence["manifest_sha256"],
        "slipway.request": str(request.number),
        "slipway.reason": request.reason,
        "slipway.gate": gated.reason,
        "slipway.compared_with": "constant" if champion is None else f"version {champion}",
        "slipway.training_end": str(trained.numbers["training_end"]),
        "slipway.snapshot": json.dumps(pins),
    } | {
        f"slipway.metric.{name.removeprefix('challenger.')}": repr(value)
        for name, value in gated.numbers.items()
        if name.startswith("challenger.")
    }
