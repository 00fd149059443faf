"""What the ledger of a model says about its versions, as values; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slipway.records.champion_history import PROMOTED, REGISTERED
from slipway.records.entry_checks import ACCEPT

NAMING = REGISTERED | {PROMOTED}
"""Kinds of entries that name a version with its bytes."""

DAMAGED = ("damaged", "")
"""Kind of the fact of an entry that cannot be read: it may have been about any version."""


@dataclass(frozen=True)
class VersionFact:
    """One entry of the ledger about a version.

    Attributes:
        sequence: Number of the entry.
        stage: Stage of its record.
        action: Action of its verdict.
        run: Run of its record.
        version: Number of the version.
        sha256: Digest of the version's manifest; None: the entry's record has none.
        source: Number of the entry whose record has the digest; None without a digest.
        rollout: Of a promotion, what its rollout did: `roll_out`, `roll_back` or `repair`.
        before: Of a promotion, the version that it turned away from.
    """

    sequence: int
    stage: str
    action: str
    run: str
    version: int
    sha256: str | None = None
    source: int | None = None
    rollout: str | None = None
    before: int | None = None

    @property
    def kind(self) -> tuple[str, str]:
        """Stage and action."""
        return self.stage, self.action


@dataclass(frozen=True)
class EnteredVersions:
    """What the ledger of a model says about its versions.

    Attributes:
        model: Name of the model.
        length: Number of the newest entry that was read.
        head: Digest of that entry.
        facts: Entries about versions, oldest first.
    """

    model: str
    length: int = 0
    head: str = ""
    facts: tuple[VersionFact, ...] = ()

    @property
    def champion(self) -> VersionFact | None:
        """The newest promotion of a champion, or a damaged entry after it."""
        kinds = {PROMOTED, DAMAGED}
        return next((one for one in self.facts[::-1] if one.kind in kinds), None)

    @property
    def previous(self) -> VersionFact | None:
        """What the newest promotions keep as the way back: the newest entry that names it."""
        promotions = [one for one in self.facts[::-1] if one.kind == PROMOTED]
        for fact in promotions:
            # A repair that confirmed the champion moved no other alias.
            if fact.rollout == "repair" and fact.before is None:
                continue
            if fact.rollout == "roll_back" or fact.before in {None, promotions[0].version}:
                return None
            return next((one for one in self._namings if one.version == fact.before), None)
        return None

    @property
    def challenger(self) -> VersionFact | None:
        """The newest registration, unless its version was promoted since, or a damaged entry."""
        promoted = set[int]()
        for fact in self.facts[::-1]:
            if fact.kind == DAMAGED:
                return fact
            if fact.kind == PROMOTED:
                promoted.add(fact.version)
            elif fact.kind in REGISTERED:
                return None if fact.version in promoted else fact
        return None

    @property
    def accepted(self) -> int:
        """Number of the newest entry by which a person accepted the ledger as it is, or 0."""
        return next((one.sequence for one in self.facts[::-1] if one.stage == ACCEPT), 0)

    def without(self, fact: VersionFact) -> EnteredVersions:
        """Return the same without one of its facts."""
        return replace(self, facts=tuple(one for one in self.facts if one != fact))

    def naming(self, version: int, sha256: str | None) -> VersionFact | None:
        """Return the newest entry that names a version with a digest; None: the ledger has none."""
        return next(iter(self.every_naming(version, sha256)), None)

    def every_naming(self, version: int, sha256: str | None) -> list[VersionFact]:
        """Return the entries that name a version with a digest, newest first.

        A number that the ledger has belongs to its digests alone. A number that it does not have
        is another copy of bytes that it has under theirs. Where no entry has a digest for the
        number, as in the ledger of an earlier release, the number alone counts.

        Args:
            version: Number of the version.
            sha256: Digest of its manifest; None: not known, so that only the number can count.
        """
        numbered = [one for one in self._namings if one.version == version]
        known = [one for one in numbered or self._namings if one.sha256 is not None]
        if known:
            return [one for one in known if one.sha256 == sha256]
        return numbered

    def digests(self, version: int) -> frozenset[str]:
        """Return the digests that the ledger has for a number."""
        named = (one.sha256 for one in self._namings if one.version == version)
        return frozenset(one for one in named if one is not None)

    def was_champion(self, version: int, sha256: str | None) -> bool:
        """Return whether a version was made champion, and not rolled back since."""
        for fact in self.facts[::-1]:
            if fact.rollout == "roll_back" and fact.before == version:
                return False
            if fact.kind == PROMOTED and fact.version == version:
                return None in {sha256, fact.sha256} or fact.sha256 == sha256
        return False

    @property
    def _namings(self) -> list[VersionFact]:
        return [one for one in self.facts[::-1] if one.kind in NAMING]
