"""Sign desired states, and tell those that may be followed where signatures are required.

A statement on a state is in the bundle of a version's signature, by the same keys; its kind keeps
the two apart. It names the store and the folder, too: a state of another installation whose key is
trusted, or of another deployment target, is none of this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from slipway.errors import BadParameter, BadSignature, Tampered
from slipway.records.desired_state import FOLDER, DesiredState, state_key
from slipway.records.store import Store, digest, encode, parse_json
from slipway.records.store_identity import KEY, find_identity, store_identity
from slipway.stages.model.signature import SHORT_ID, STATEMENT_TYPE, sign_payload
from slipway.stages.ports.signatures import Signer, Verifier
from slipway.stages.rollout.followed_memory import Followed, FollowedMemory

PREDICATE_TYPE = "urn:slipway:desired-state:1"


@dataclass(frozen=True)
class Objection:
    """Why a state is not followed although its records are there.

    Attributes:
        reason: As a clause.
        mend: What mends it, as a sentence.
        is_replay: Whether a newer state was followed before it.
    """

    reason: str
    mend: str
    is_replay: bool = False


@dataclass(frozen=True)
class StateTrust:
    """Keys of an installation for its desired states; fulfils `StateKeys`.

    Attributes:
        store: Store of the states.
        verifier: Public keys that are trusted; None: signatures are not required.
        signer: Returns the private key; None: states are not signed here.
        memory: What was followed last; None: not kept here, so that nothing is a replay.
    """

    store: Store
    verifier: Verifier | None = None
    signer: Callable[[], Signer] | None = None
    memory: FollowedMemory | None = None

    @property
    def signs(self) -> bool:
        """Whether states are signed here."""
        return self.signer is not None

    def sign(self, state: DesiredState, *, folder: str) -> str | None:
        """Return the signature of a state; see `StateKeys.sign`."""
        if self.signer is None:
            self._require_none(state, folder=folder)
            return None
        signer, store = self.signer(), store_identity(self.store)
        payload = _statement(state, folder=folder, store=store)
        bundle = sign_payload(payload, key_id=signer.key_id, sign=signer.sign)
        if self.verifier is not None and signer.key_id not in self.verifier.key_ids():
            trusted = " or ".join(one[:SHORT_ID] for one in self.verifier.key_ids())
            raise BadParameter(
                "what is signed here would be refused here",
                expected=f"a signature by {trusted}",
                found=f"SLIPWAY_SIGNING_KEY is {signer.key_id[:SHORT_ID]}",
                hint="add the public half of the signing key to SLIPWAY_TRUSTED_KEYS first",
            )
        return bundle.decode()

    def _require_none(self, state: DesiredState, *, folder: str) -> None:
        if self.verifier is None:
            return
        raise BadParameter(
            f"the traffic of {state.model} cannot be changed by an unsigned state",
            expected="a signing key, since SLIPWAY_TRUSTED_KEYS is set",
            found="no SLIPWAY_SIGNING_KEY",
            where=state_key(state.model, state.generation, folder=folder),
            hint="set it where the tasks of rollouts run; `slipway keys new` makes a pair",
        )

    def objection(self, state: DesiredState, *, folder: str) -> str | None:
        """Return why the signature of a state does not count; None: it does, or none has to.

        Raises:
            BadParameter: The trusted keys cannot be read.
        """
        if self.verifier is None:
            return None
        if state.signature is None:
            return "is not signed, and SLIPWAY_TRUSTED_KEYS is set"
        known = self._followed(state.model, folder)
        store = known.store if known else find_identity(self.store) or "none"
        expected = _facts(state, folder=folder, store=store)
        try:
            payload = self.verifier.open_bundle(
                state.signature.encode(errors="replace"),
                subject=f"the desired state {state.generation} of {state.model}",
                where=state_key(state.model, state.generation, folder=folder),
            )
        except BadSignature as error:
            return f"is not signed by a trusted key ({error.found})"
        found = _predicate(payload)
        if found == expected:
            return None
        other = sorted(name for name in expected if found.get(name) != expected[name])
        return f"has the signature of something else, with another {' and '.join(other)}"

    def judge(self, state: DesiredState, *, folder: str) -> Objection | None:
        """Return why a state is not followed; None: it is signed and no replay.

        Raises:
            BadParameter: The trusted keys cannot be read.
            Tampered: What was followed last cannot be read.
        """
        reason = self.objection(state, folder=folder)
        if reason is not None:
            return Objection(reason, self._mend(state.model, folder=folder))
        known = self._followed(state.model, folder)
        if known is None or _continues(state, known.state):
            return None
        return Objection(
            f"is older than generation {known.state.generation}, which was followed",
            f"Where a backup of the store was restored, delete {known.file} and run "
            f"`slipway sign {state.model}`.",
            is_replay=True,
        )

    def _mend(self, model: str, *, folder: str) -> str:
        """What makes the next state count where one of a model does not."""
        known, here = self._followed(model, folder), None
        # An identity that cannot be read is another one, too.
        with suppress(Tampered):
            here = find_identity(self.store)
        if known is None or known.store == here:
            return f"`slipway sign {model}` signs what the ledger serves."
        return (
            f"The store has another identity than before ({KEY}): restore it, or, if the store is "
            f"meant to be another one, delete {known.file} and run `slipway sign {model}`."
        )

    def remember(self, state: DesiredState, *, folder: str = FOLDER) -> None:
        """Remember a state that is followed from now on."""
        if self._memory is not None:
            known = self._followed(state.model, folder)
            store = known.store if known else store_identity(self.store)
            self._memory.keep(state, folder=folder, store=store)

    def followed_before(self, model: str, *, folder: str = FOLDER) -> DesiredState | None:
        """Return the state of a model that was followed last, if its signature still counts.

        Raises:
            BadParameter: The trusted keys cannot be read.
            Tampered: What was followed last cannot be read.
        """
        known = self._followed(model, folder)
        is_signed = known is not None and self.objection(known.state, folder=folder) is None
        return known.state if known is not None and is_signed else None

    def remembered(self) -> list[str]:
        """Return the models of which the local platform followed a state."""
        return list(self._memory.models(folder=FOLDER)) if self._memory else []

    def fingerprint(self) -> object:
        """Return a value that changes when the local platform may follow another state than before.

        Raises:
            BadParameter: The trusted keys cannot be read.
        """
        known = self._memory.models(folder=FOLDER) if self._memory else {}
        return self.verifier and self.verifier.key_ids(), known

    def above(self, model: str, *, folder: str) -> int:
        """Return the generation that was followed last; 0 where none is remembered."""
        known = self._followed(model, folder)
        return known.state.generation if known else 0

    @property
    def _memory(self) -> FollowedMemory | None:
        """Nothing is remembered where no signature is required."""
        return self.memory if self.verifier is not None else None

    def _followed(self, model: str, folder: str) -> Followed | None:
        return self._memory.find(model, folder=folder) if self._memory else None


def _continues(state: DesiredState, known: DesiredState) -> bool:
    return state.generation > known.generation or state == known


def _facts(state: DesiredState, *, folder: str, store: str) -> dict[str, Any]:
    value = {**state.to_json(), "folder": folder, "store": store}
    value.pop("signature", None)
    return value


def _statement(state: DesiredState, *, folder: str, store: str) -> bytes:
    facts = _facts(state, folder=folder, store=store)
    return encode(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": state.model, "digest": {"sha256": digest(encode(facts))}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": facts,
        }
    )


def _predicate(payload: bytes) -> Mapping[str, Any]:
    """What a signed statement says of a state; nothing, if it is about something else."""
    try:
        statement = parse_json(payload)
        kind, facts = (statement["_type"], statement["predicateType"]), statement["predicate"]
    except (ValueError, TypeError, KeyError):
        return {}
    return facts if kind == (STATEMENT_TYPE, PREDICATE_TYPE) and isinstance(facts, dict) else {}
