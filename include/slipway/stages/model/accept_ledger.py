"""Accept a ledger as it is, by a person's word, where it does not continue what was anchored.

As after a backup of the store was restored: the ledger is then older than its anchor. The
acceptance is an entry of that ledger, and the anchors begin anew behind it.
"""

from __future__ import annotations

from typing import Protocol

from slipway.errors import BadParameter
from slipway.records import ledger
from slipway.records.entry_checks import ACCEPT
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import digest, encode
from slipway.records.store_identity import store_identity
from slipway.records.verdicts import Verdict
from slipway.stages.model.own_anchors import own_anchors
from slipway.stages.ports.registry import Anchor

ACCEPTED = "accepted"


class AnchorReplacer(Protocol):
    """Registry, reduced to what replaces the heads of ledgers.

    Every method raises `RegistryUnavailable` when the registry does not answer.
    """

    def exists(self, model: str) -> bool:
        """Whether there is a registered model of that name."""

    def list_anchors(self) -> list[Anchor]:
        """Every head that is kept, of models and datasets, with any registered model."""

    def replace_anchor(self, anchor: Anchor) -> None:
        """Keep a head in the place of another one, also of a newer one."""


def accept_ledger(
    subject: str, *, reason: str, context: RunContext, registry: AnchorReplacer
) -> RunRecord:
    """Enter that a ledger is accepted as it is, and anchor its head in the place of the old ones.

    What is broken before that stays broken, and `slipway ledger verify` goes on naming it. An entry
    that is no more what was entered names no version from then on: the intact ones count.

    Args:
        subject: Dataset or model.
        reason: Why it is accepted.
        context: Store of the ledger, and origin with the person.
        registry: Keeps the anchors.

    Raises:
        BadParameter: No reason is given, or the ledger continues what was anchored.
        RegistryUnavailable: The registry does not answer; a repeat goes on.
    """
    if not reason.strip():
        raise BadParameter("a ledger is accepted with a reason", expected="why", found="none")
    store = context.store
    kept, exchanged = own_anchors(store, subject, registry.list_anchors(), models=[subject])
    heads = [one.head for one in kept]
    head, breaks = ledger.verify_since(store, subject, heads)
    breaks = [*exchanged, *breaks]
    newest = next(ledger.newest_first(store, subject, damaged="mark"), None)
    if not breaks and newest is not None and newest["fact"].get("stage") != ACCEPT:
        # A changed record, and an entry before the anchor, stop rollouts as well.
        breaks = ledger.verify(store, subject, others=heads)
    if not breaks:
        raise BadParameter(
            f"there is nothing to accept in the ledger of {subject}",
            expected="a ledger that was damaged, or does not continue what was anchored",
            found=f"{head.sequence} entries that do, or were accepted already",
            where=f"ledger/{subject}",
        )
    anchored = {one.model: f"{one.head.sequence}:{one.head.sha256}" for one in kept}
    found = "; ".join(f"{one.key} {one.problem}" for one in breaks[:3])
    more = " …" if len(breaks) > len(breaks[:3]) else ""
    verdict = Verdict(
        ACCEPTED,
        f"{reason.strip()} Accepted as it is: {found}{more}.",
        {"entries": head.sequence, "anchored": max((one.head.sequence for one in kept), default=0)},
        {f"anchor.{model}": value for model, value in anchored.items()},
    )
    facts = {"anchored": anchored, "head": [head.sequence, head.sha256]}
    ref = RunRef(subject, f"accept-{digest(encode(facts))[:12]}", ACCEPT)
    record = perform(context, ref, lambda _: verdict, inputs=facts)
    models = {*anchored, *([subject] if registry.exists(subject) else [])}
    identity = store_identity(store)
    for model in sorted(models):
        registry.replace_anchor(Anchor(subject, model, ledger.head(store, subject), identity))
    return record
