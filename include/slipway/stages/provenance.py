"""Where a model comes from: the code that learnt it and the tables that it learnt from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CodeState:
    """What the code was when it ran; each is `unknown` where it cannot be read.

    Attributes:
        git_commit: Commit of the checkout; ends in `-dirty` when files differ from it.
        lock_sha256: Digest of the lock file that the environment was made from.
    """

    git_commit: str
    lock_sha256: str


@dataclass(frozen=True)
class PinnedTable:
    """One table that was learnt from: its name, its address and its version."""

    name: str
    uri: str
    version: int
