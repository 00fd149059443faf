"""httpx: the local serving platform and candidates for it, asked over HTTP."""

from __future__ import annotations

from slipway.adapters.platforms.local.candidate import Candidate
from slipway.adapters.platforms.local.platform import LocalPlatform

__all__ = ["Candidate", "LocalPlatform"]
