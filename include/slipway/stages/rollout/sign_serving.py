"""Sign the desired state of what serves: from before the keys, or by a new key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from slipway.errors import BadParameter
from slipway.records.desired_state import BATCH_FOLDER, FOLDER, DesiredState
from slipway.records.store import Store
from slipway.records.write_state import write_anew
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.model.meant_version import recorded_digest
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.genuine_state import newest_genuine
from slipway.stages.rollout.signed_states import StateTrust


@dataclass(frozen=True)
class SignedState:
    """What was done about the desired state of a model.

    Attributes:
        generation: Its number; of one that was signed, the number that it has now.
        action: `signed`, or `refused`.
        reason: Which version serves by it, or why it was not signed.
    """

    generation: int
    action: Literal["signed", "refused"]
    reason: str


def sign_serving(
    model: str, *, store: Store, registry: Registry, trust: StateTrust
) -> Iterator[SignedState]:
    """Sign the newest state that a rollout wrote, if the ledger's champion takes every request.

    Of anything else the rollout that is under way, or the next one, signs its own. The ledger is
    verified before, as `sign_known` does.

    Args:
        model: Name of the model.
        store: Store of the states.
        registry: Registry whose champion is the ledger's.
        trust: Keys of this installation.

    Raises:
        BadParameter: There is no signing key, or it is not trusted here.
        RegistryUnavailable: The registry does not answer.
    """
    if not trust.signs:
        raise BadParameter(
            f"the desired state of {model} cannot be signed",
            expected="a signing key",
            found="no SLIPWAY_SIGNING_KEY",
            hint="`slipway keys new` makes one",
        )
    champion = registry.alias(model, CHAMPION)
    meant = None if champion is None else (champion.version, recorded_digest(champion))
    for folder in (FOLDER, BATCH_FOLDER):
        newest = newest_genuine(store, model, folder=folder)
        if newest is None:
            continue
        if not _is_served_alone(newest, meant):
            shares = ", ".join(f"version {one}" for one in newest.weights) or "nothing"
            other = "none" if meant is None else f"version {meant[0]}"
            reason = f"it serves {shares}, and the ledger's champion is {other}"
            yield SignedState(newest.generation, "refused", reason)
            continue

        def find(folder: str = folder) -> DesiredState | None:
            found = newest_genuine(store, model, folder=folder)
            return found if found is not None and _is_served_alone(found, meant) else None

        above = trust.above(model, folder=folder)
        written = write_anew(store, model, find=find, keys=trust, folder=folder, above=above)
        if written is not None:
            reason = f"version {next(iter(written.weights))} serves"
            yield SignedState(written.generation, "signed", reason)


def _is_served_alone(state: DesiredState, meant: tuple[int, str] | None) -> bool:
    if meant is None or set(state.weights) != {meant[0]}:
        return False
    return state.digests.get(meant[0]) in {None, meant[1]}
