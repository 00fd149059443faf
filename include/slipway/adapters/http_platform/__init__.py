"""httpx: the local serving platform and candidates for it, asked over HTTP."""

from __future__ import annotations

from slipway.adapters.http_platform.candidate import Candidate
from slipway.adapters.http_platform.platform import LocalPlatform

__all__ = ["Candidate", "LocalPlatform"]
