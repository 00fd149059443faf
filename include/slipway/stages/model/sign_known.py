"""Sign the versions of a model that its ledger knows: from before the keys, or by a new key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from slipway.errors import BadParameter, NotFound, Tampered
from slipway.records import ledger
from slipway.records.champion_history import REGISTERED, kind_of_fact
from slipway.records.store import Store, read_json
from slipway.stages.model.sign_version import Signing, sign_version
from slipway.stages.model.version_tags import SIGNED_BY
from slipway.stages.ports.registry import Registry


@dataclass(frozen=True)
class SignedVersion:
    """What was done about one version.

    Attributes:
        version: Its number.
        action: `signed`, `absent` from the registry, or `refused`, since its files are not those
            of the ledger.
        reason: Why it was not signed; empty where it was.
        before: Id of the key that its tags named until now; empty: it was not signed.
    """

    version: int
    action: Literal["signed", "absent", "refused"]
    reason: str = ""
    before: str = ""


def sign_known(
    model: str, *, store: Store, registry: Registry, signing: Signing
) -> Iterator[SignedVersion]:
    """Sign every version that an entered record names, and yield what was done, oldest first.

    Args:
        model: Name of the model.
        store: Store of the ledger.
        registry: Registry of the versions.
        signing: Keys of this installation.

    Raises:
        BadParameter: There is no signing key, or it is not trusted here.
        Tampered: The ledger or a record of it was changed.
        RegistryUnavailable: The registry does not answer.
    """
    if signing.signer is None:
        raise BadParameter(
            f"the versions of {model} cannot be signed",
            expected="a signing key",
            found="no SLIPWAY_SIGNING_KEY",
            hint="`slipway keys new` makes one",
        )
    breaks = ledger.verify(store, model, anchor=registry.anchored(model))
    if breaks:
        raise Tampered(
            f"the versions of {model} are not signed, since its ledger was changed",
            expected="entries and records as they were written",
            found=f"{breaks[0].key} {breaks[0].problem}",
            where=store.uri(breaks[0].key),
            hint="`slipway ledger verify` lists every change; restore the objects from a backup",
        )
    for number, sha256 in sorted(_registered(store, model).items()):
        yield _sign(model, number, sha256, registry=registry, signing=signing)


def _registered(store: Store, model: str) -> dict[int, str]:
    """Digest of each version that a record of the ledger has registered, by its number."""
    facts = (entry["fact"] for entry in ledger.read(store, model))
    verdicts = [
        read_json(store, fact["record"])["verdict"]
        for fact in facts
        if kind_of_fact(fact) in REGISTERED
    ]
    return {
        int(verdict["numbers"]["version"]): verdict["evidence"]["manifest_sha256"]
        for verdict in verdicts
        if "manifest_sha256" in verdict["evidence"]
    }


def _sign(
    model: str, number: int, sha256: str, *, registry: Registry, signing: Signing
) -> SignedVersion:
    try:
        version = registry.version(model, number)
        sign_version(version, sha256=sha256, registry=registry, signing=signing)
    except NotFound as error:
        return SignedVersion(number, "absent", error.message)
    except Tampered as error:
        return SignedVersion(number, "refused", f"{error.message}, found {error.found}")
    return SignedVersion(number, "signed", before=version.tags.get(SIGNED_BY, ""))
