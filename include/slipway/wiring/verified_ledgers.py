"""Verify the ledgers that the store, the specs or MLflow know of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from slipway.errors import SpecError
from slipway.records import ledger
from slipway.records.entered_versions import find_kept_problems
from slipway.stages.rollout.genuine_state import find_forgeries
from slipway.wiring.found_specs import dataset_names, model_names
from slipway.wiring.signing import state_trust_of

if TYPE_CHECKING:
    from slipway.stages.ports.registry import Anchor
    from slipway.wiring.container import Container


def verify_ledgers(
    container: Container, subject: str | None, *, has_anchors: bool
) -> list[dict[str, Any]]:
    """Verify a ledger or all of them; return subject, entries, anchored head and breaks of each.

    Args:
        container: Project, store and registry.
        subject: Dataset or model; None: every one that the store, the specs or MLflow know of.
        has_anchors: Whether the heads that MLflow keeps are read.

    Raises:
        BadParameter: There is no such dataset or model.
        RegistryUnavailable: MLflow does not answer.
    """
    store = container.store
    anchors = container.registry.list_anchors() if has_anchors else []
    every = {*ledger.subjects(store), *(one.subject for one in anchors)}
    every.update(model_names(container), dataset_names(container))
    if subject is not None and subject not in every:
        # One whose spec is invalid is known; another name would look like an empty ledger.
        with suppress(SpecError):
            container.model_or_dataset(subject)
    names = sorted(every) if subject is None else [subject]
    return [
        _verify(container, name, [one for one in anchors if one.subject == name]) for name in names
    ]


def _verify(container: Container, subject: str, anchors: list[Anchor]) -> dict[str, Any]:
    store, heads = container.store, [one.head for one in anchors]
    # What is kept of damaged entries may differ from them.
    breaks = ledger.verify(store, subject, others=heads) or find_kept_problems(store, subject)
    forged = find_forgeries(store, subject, trust=state_trust_of(container))
    return {
        "subject": subject,
        "entries": ledger.length(store, subject),
        "anchored": max((head.sequence for head in heads), default=None),
        "breaks": [
            *(asdict(one) for one in breaks),
            *(
                {"key": one.key, "problem": ". ".join(filter(None, (one.reason, one.mend)))}
                for one in forged
            ),
        ],
    }
