"""Tell how the manifests of a version and of its rebuild differ; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN = "not recorded"
_CODE = ("git_commit", "lock_sha256")
_APART = frozenset({"files", "sizes", "runtime", "engine", "fit_seconds", *_CODE})
"""Entries that are compared by themselves, and a duration, which differs each time."""

_NEW_EACH_TIME = frozenset({"MLmodel", "model.skops"})
"""Files that hold times, ids and addresses of the moment at which they are written."""


@dataclass(frozen=True)
class ManifestDifference:
    """Difference of two manifests.

    Attributes:
        identical: Files whose bytes are the same.
        differing: Files whose bytes differ, or that one of the two does not have.
        facts: Other entries that differ.
        environment: Recorded and present value by name: interpreter, libraries, commit, lock.
    """

    identical: tuple[str, ...]
    differing: tuple[str, ...]
    facts: tuple[str, ...]
    environment: Mapping[str, tuple[str, str]]

    def files_in_words(self) -> str:
        """Return how many files are identical, and why others are not."""
        count = len(self.identical) + len(self.differing)
        told = f"{len(self.identical)} of {count} files are identical byte by byte"
        if not self.differing:
            return told
        named = f"{told}; {', '.join(self.differing)} differ"
        expected = [name for name in self.differing if name in _NEW_EACH_TIME]
        if not expected:
            return named
        return f"{named} ({' and '.join(expected)} hold the time and ids of each writing)"


def compare_manifests(
    registered: Mapping[str, Any], rebuilt: Mapping[str, Any]
) -> ManifestDifference:
    """Compare the manifest of a version with that of its rebuild."""
    ours, theirs = registered["files"], rebuilt["files"]
    names = sorted({*ours, *theirs})
    same = {name for name in names if ours.get(name) == theirs.get(name)}
    facts = {*registered, *rebuilt} - _APART
    return ManifestDifference(
        identical=tuple(name for name in names if name in same),
        differing=tuple(name for name in names if name not in same),
        facts=tuple(sorted(one for one in facts if registered.get(one) != rebuilt.get(one))),
        environment=_environment(registered, rebuilt),
    )


def _environment(
    registered: Mapping[str, Any], rebuilt: Mapping[str, Any]
) -> dict[str, tuple[str, str]]:
    then, now = (
        {**{name: one.get(name) for name in _CODE}, **(one.get("runtime") or {})}
        for one in (registered, rebuilt)
    )
    return {
        name: (str(then.get(name) or UNKNOWN), str(now.get(name) or UNKNOWN))
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    }
