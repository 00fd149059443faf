"""Tell the anchors of this store from those of others that share the registry.

An anchor with a registered model of this installation is this store's, whichever identity it names:
else a new identity would make a store forget what was anchored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from slipway.records import ledger
from slipway.records.store import Store
from slipway.records.store_identity import KEY, find_identity
from slipway.stages.ports.registry import Anchor

SHORT_ID = 8


def own_anchors(
    store: Store, subject: str, kept: Iterable[Anchor], *, models: Collection[str]
) -> tuple[list[Anchor], list[ledger.Break]]:
    """Return the anchors of a ledger of this store, and a break for each with another identity.

    Args:
        store: Store of the ledgers.
        subject: Dataset or model whose ledger it is.
        kept: Every anchor that the registry keeps.
        models: Models of this installation, beside those whose ledgers are in the store.

    Raises:
        Tampered: The store's identity cannot be read.
    """
    of_subject = [one for one in kept if one.subject == subject]
    identity = find_identity(store)
    own = [one for one in of_subject if one.store in {None, identity}]
    others = [one for one in of_subject if one not in own]
    here = {*models, *ledger.subjects(store)} if others else set()
    exchanged = [one for one in others if one.model in here]
    return [*own, *exchanged], [_exchanged(one, identity) for one in exchanged]


def _exchanged(anchor: Anchor, identity: str | None) -> ledger.Break:
    here = f"{identity[:SHORT_ID]}…" if identity else "none"
    return ledger.Break(
        KEY,
        f"is {here}, and store {(anchor.store or '')[:SHORT_ID]}… anchored {anchor.subject} with "
        f"the registered model {anchor.model}: two stores cannot promote one model",
    )
