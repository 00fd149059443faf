"""Verify the ledgers that the store, the specs or MLflow know of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from slipway.errors import SpecError
from slipway.records import ledger
from slipway.records.entered_versions import find_kept_problems
from slipway.stages.model.own_anchors import own_anchors
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

    One that only another store has, which shares MLflow, is named with that store's identity.

    Args:
        container: Project, store and registry.
        subject: Dataset or model; None: every one that the store, the specs or MLflow know of.
        has_anchors: Whether the heads that MLflow keeps are read.

    Raises:
        BadParameter: There is no such dataset or model.
        RegistryUnavailable: MLflow does not answer.
    """
    kept = container.registry.list_anchors() if has_anchors else []
    models = model_names(container)
    here = {*ledger.subjects(container.store), *models, *dataset_names(container)}
    every = here.union(one.subject for one in kept)
    if subject is not None and subject not in every:
        # One whose spec is invalid is known; another name would look like an empty ledger.
        with suppress(SpecError):
            container.model_or_dataset(subject)
    found = []
    for name in sorted(every) if subject is None else [subject]:
        anchors, exchanged = own_anchors(container.store, name, kept, models=models)
        others = [one for one in kept if one.subject == name and one not in anchors]
        if others and not anchors and name not in here:
            found.append(_of_another_store(name, others))
        else:
            found.append(_verify(container, name, anchors, exchanged))
    return found


def _of_another_store(subject: str, anchors: list[Anchor]) -> dict[str, Any]:
    anchored = max(one.head.sequence for one in anchors)
    stores = sorted({str(one.store) for one in anchors})
    return {
        "subject": subject,
        "entries": 0,
        "anchored": anchored,
        "breaks": [],
        "other_stores": stores,
    }


def _verify(
    container: Container, subject: str, anchors: list[Anchor], exchanged: list[ledger.Break]
) -> dict[str, Any]:
    store, heads = container.store, [one.head for one in anchors]
    breaks = [
        *exchanged,
        # What is kept of damaged entries may differ from them.
        *(ledger.verify(store, subject, others=heads) or find_kept_problems(store, subject)),
    ]
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
        "other_stores": [],
    }
