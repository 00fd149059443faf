"""Revise the verdict on a window's performance once late or corrected labels have arrived.

A revision has a record of its own beside the first one, which stays. There are at most two, and
only of the newest windows, which a decision may count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from slipway.errors import NotComputable, NotFound, StoreUnavailable
from slipway.records.run_records import RunRecord, need_record
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.windows.revisions import newest_revision

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import ModelSpec
    from slipway.stages.monitor.labels.label_maturity import LandedLabels
    from slipway.stages.monitor.windows.windows import MonitoredWindow
    from slipway.stages.ports.prediction_log import PredictionLog

STAGE = "performance"

MOST_REVISIONS = 2

LATE_SHARE = 0.1
"""Share of a window's predictions whose label has to be new, gone or another one for a revision."""


def newest_verdict(store: Store, model: str, monitored: MonitoredWindow) -> RunRecord | None:
    """Return the newest record of a window's performance; None before it is measured."""
    return newest_revision(store, model, monitored, stage=STAGE, at_most=MOST_REVISIONS)


def due_revisions(
    spec: ModelSpec,
    windows: Sequence[MonitoredWindow],
    *,
    store: Store,
    log: PredictionLog,
    labels: LandedLabels,
) -> Iterator[MonitoredWindow]:
    """Yield the revisions for late and corrected labels, of the newest windows with a verdict.

    Args:
        spec: The model.
        windows: Windows of one version, oldest first.
        store: Store of the records.
        log: Predictions.
        labels: Labels that have landed.
    """
    measured = (one for one in reversed(windows) if store.exists(one.ref(spec.model, STAGE).key))
    for monitored in reversed(list(islice(measured, spec.monitoring.fire.n))):
        revision = _due_revision(spec, monitored, store=store, log=log, labels=labels)
        if revision is not None:
            yield revision


def _due_revision(
    spec: ModelSpec,
    monitored: MonitoredWindow,
    *,
    store: Store,
    log: PredictionLog,
    labels: LandedLabels,
) -> MonitoredWindow | None:
    """The revision of a window; None: its labels are as they were, or nearly."""
    record = newest_verdict(store, spec.model, monitored)
    if record is None or record.inputs.get("labels_version") == labels.version:
        return None
    number = int(record.inputs.get("revision", 0)) + 1
    labelled = record.verdict.numbers.get("labelled")
    if number > MOST_REVISIONS or not isinstance(labelled, int):
        return None
    try:
        landed = labels.find(log, monitored)
    except NotComputable:
        return None
    found, least = len(landed.labels), spec.monitoring.min_rows
    is_enough_now = labelled < least <= found
    needed = max(1, LATE_SHARE * landed.predicted)
    if not is_enough_now and found - labelled < needed:
        since = record.inputs.get("labels_version")
        try:
            changed = labels.changed(landed, since=since if isinstance(since, int) else None)
        except (NotFound, StoreUnavailable):
            # Old files of a table may be removed at any time: its labels cannot be compared then.
            return None
        if changed < needed:
            return None
    return replace(monitored, revision=number)


def revised_record(store: Store, spec: ModelSpec, monitored: MonitoredWindow) -> RunRecord | None:
    """Return the record that a revision follows; None: it is the first verdict.

    Raises:
        NotFound: It does not follow one.
    """
    if not monitored.revision:
        return None
    earlier = replace(monitored, revision=monitored.revision - 1)
    return need_record(store, earlier.ref(spec.model, STAGE))


def revised(verdict: Verdict, earlier: RunRecord) -> Verdict:
    """Return the verdict of a revision, with what it was before and why it is another one."""
    before = earlier.verdict
    now, then = (one.numbers.get("labelled", 0) for one in (verdict, before))
    kind = "late" if isinstance(now, int) and isinstance(then, int) and now > then else "corrected"
    reason = (
        f"{verdict.reason} Revised by {kind} labels: {now:,} now, {then:,} when it was judged "
        f"{before.action}."
    )
    numbers = {**verdict.numbers, "labelled_before": then, "action_before": before.action}
    return replace(
        verdict,
        reason=reason,
        numbers=numbers,
        evidence={**verdict.evidence, "revises": earlier.ref.key},
    )
