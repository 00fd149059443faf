"""Bills of materials of a model version: CycloneDX JSON of the images that train and serve it.

They lie in the version's folder, so its manifest holds their digests and a copy includes them;
tags hold the digests too.
"""

from __future__ import annotations

from collections.abc import Mapping

from slipway.records.store import digest
from slipway.stages.model.version_tags import TAG_PREFIX

IMAGES = ("stages", "server")
"""Images whose bills a version keeps."""

ABSENT = "absent"
"""In place of a digest where there is no bill."""

PREFIX = "sbom."


def file_name(image: str) -> str:
    """Return the path of an image's bill, in a version's folder and below `requirements/`."""
    return f"sbom/{image}.cdx.json"


def files_of(bills: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the bills to keep in a version's folder, by path."""
    return {file_name(image): bills[image] for image in IMAGES if image in bills}


def evidence_of(bills: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each bill, or `absent`, as a verdict's evidence."""
    return {
        f"{PREFIX}{image}": digest(bills[image]) if image in bills else ABSENT for image in IMAGES
    }


def tags_of(evidence: Mapping[str, str]) -> dict[str, str]:
    """Return a version's tags from the evidence of its training."""
    return {
        f"{TAG_PREFIX}{PREFIX}{image}": evidence.get(f"{PREFIX}{image}", ABSENT) for image in IMAGES
    }
