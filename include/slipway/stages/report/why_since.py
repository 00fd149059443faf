"""Tell since when a version is champion, by the promotions in the ledger."""

from __future__ import annotations

from slipway.records.champion_history import (
    PROMOTED,
    REGISTERED,
    SWITCHED,
    first_promotion,
)
from slipway.stages.report.model_state import Entry, ModelState, kind_of, moment_of, numbers_of

ACTIONS = {"roll_back": "a rollback", "roll_out": "a rollout", "repair": "a repair"}


def describe_since(state: ModelState) -> str:
    """Return the line `Since`; pure."""
    if state.is_stopped:
        return "Since: not known while the ledger is damaged."
    newest = next(state.about(None, PROMOTED), None)
    if newest is None:
        return "Since: no version has become champion yet."
    about, version = numbers_of(newest).get("version"), state.version
    told = _describe_promotion(state, newest)
    if version is None or about == version:
        moved = _describe_switch(state, _alone(state, other_than=about))
        return f"Since: {told}{f' {moved}' if moved else ''}"
    begin = f"by the ledger version {about} is champion since {told}"
    replaced_by = _replaced_by(state, version)
    if replaced_by is None:
        begin = f"the ledger has no promotion of version {version}; its newest is {told}"
    sentences = [
        begin if begin.endswith(".") else f"{begin}.",
        _describe_switch(state, version),
        replaced_by and f"Version {version} was champion before, until {replaced_by}.",
    ]
    return f"Since: {' '.join(sentence for sentence in sentences if sentence)}"


def _describe_promotion(state: ModelState, newest: Entry) -> str:
    """When a version became champion, and which repair has confirmed that last."""
    older = (one for one in state.entries[::-1] if one["sequence"] < newest["sequence"])
    began = first_promotion(newest, older)
    told = f"{moment_of(began)} ({began['fact']['run']}): {began['fact']['reason']}"
    if began["sequence"] == newest["sequence"]:
        return told
    confirmed = f"Confirmed {moment_of(newest)} by {newest['fact']['run']}, a repair."
    return f"{told if told.endswith('.') else f'{told}.'} {confirmed}"


def _replaced_by(state: ModelState, version: int) -> str | None:
    """Rollout that ended the last time at which a version was champion; None: there was none.

    A promotion of before the version was registered is of another version of the same number.
    """
    successor: Entry | None = None
    for entry in state.entries[::-1]:
        is_about = numbers_of(entry).get("version") == version
        if is_about and kind_of(entry) in REGISTERED:
            return None
        if kind_of(entry) != PROMOTED:
            continue
        if is_about:
            return None if successor is None else str(successor["fact"]["run"])
        successor = entry
    return None


def _alone(state: ModelState, *, other_than: int | None) -> int | None:
    """The one version with a share, if it is not a given one."""
    shares = state.traffic.served.weights if state.traffic.served else {}
    [*versions] = shares
    return versions[0] if len(versions) == 1 and versions[0] != other_than else None


def _describe_switch(state: ModelState, version: int | None) -> str | None:
    """The rollout that gave a version every request and has not made it champion yet."""
    served = state.traffic.served
    newest = next(state.about(None, PROMOTED, SWITCHED), None)
    if version is None or newest is None or kind_of(newest) == PROMOTED or served is None:
        return None
    if numbers_of(newest).get("version") != version or set(served.weights) != {version}:
        return None
    run = newest["fact"]["run"]
    begun = next((one for one in state.entries if _begins(one, run)), None)
    what = "a rollout" if begun is None else ACTIONS.get(kind_of(begun)[1], "a rollout")
    moved = f"{run}, {what}, has moved the traffic to version {version} ({moment_of(newest)})"
    if state.traffic.stopped == run and state.traffic.lost is not None:
        return f"Since then {moved}, and cannot make it champion any more."
    if state.traffic.stopped != run:
        return f"Since then {moved}, and has not made it champion yet."
    when = "the next deploy" if state.outage is None else "the next deploy once MLflow answers"
    return f"Since then {moved}; it is completed by {when}."


def _begins(entry: Entry, run: str) -> bool:
    return kind_of(entry)[0] == "reconcile" and entry["fact"].get("run") == run
