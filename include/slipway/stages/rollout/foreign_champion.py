"""Tell that no record of Slipway moved the alias `champion` to where it is: a hand did."""

from __future__ import annotations

from datetime import UTC, datetime

from slipway.records.champion_history import PROMOTED, champion_as_of
from slipway.records.idempotent_stage import find_decision
from slipway.records.open_work import open_stages
from slipway.records.run_records import find_record
from slipway.records.store import Store


def describe_foreign_champion(store: Store, model: str, champion: int | None) -> str | None:
    """Describe, as a clause, that no record moved the alias there; None where one did.

    Args:
        store: Store of the ledger and of stages that are open.
        model: Name of the model.
        champion: Version that the alias names; None: there is none.
    """
    if champion is None or is_promotion_under_way(store, model, champion):
        return None
    entered = champion_as_of(store, model, datetime.now(UTC))
    if entered is None:
        return f"no record of Slipway made version {champion} champion"
    if entered.version == champion:
        return None
    since = datetime.fromisoformat(entered.since).astimezone(UTC)
    return (
        "no record of Slipway moved the alias `champion` there, by the ledger version "
        f"{entered.version} is champion since {since:%Y-%m-%d %H:%M} UTC"
    )


def is_promotion_under_way(store: Store, model: str, version: int) -> bool:
    """Whether a version's promotion was decided or recorded, and is not in the ledger yet.

    Whatever stage runs next carries it out or enters it.
    """
    for ref in open_stages(store, model):
        record = find_record(store, ref)
        verdict = record.verdict if record is not None else find_decision(store, ref)
        if verdict is None or verdict.numbers.get("version") != version:
            continue
        if (ref.stage, verdict.action) == PROMOTED:
            return True
    return False
