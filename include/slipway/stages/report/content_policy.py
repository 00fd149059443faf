"""Content Security Policy of the pages that Slipway writes: no network, and no foreign script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256


def content_policy(scripts: Sequence[str] = (), *, styles: Sequence[str] | None = None) -> str:
    """Return the tag of a page's policy, which stands before anything else of its head.

    Args:
        scripts: Text of each script that may run; none: no script runs.
        styles: Text of each style sheet; None: any style that stands in the page.

    Source:
        Content Security Policy Level 3, https://www.w3.org/TR/CSP3/.
    """
    may_style = "'unsafe-inline'" if styles is None else _hashes(styles)
    policy = {
        "default-src": "'none'",
        "script-src": _hashes(scripts) or "'none'",
        "style-src": may_style,
        "img-src": "data:",
        "font-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    text = "; ".join(f"{name} {value}" for name, value in policy.items())
    return f'<meta http-equiv="Content-Security-Policy" content="{text}">'


def _hashes(texts: Sequence[str]) -> str:
    digests = (b64encode(sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{one}'" for one in digests)
