"""Bills of materials: which packages learnt a model version, and which were to serve it.

Each is CycloneDX JSON, made from a lock file. They lie in the version's folder, so its manifest
holds their digests and whoever copies the version copies them; tags name the digests, too.
"""

from __future__ import annotations

from collections.abc import Mapping

from slipway.records.store import digest

IMAGES = ("stages", "server")
"""Whose bills a version keeps."""

ABSENT = "absent"
"""What is said where the code that trained brought no bill."""

PREFIX = "sbom."
TAG_PREFIX = "slipway."


def file_name(image: str) -> str:
    """Where an image's bill lies, in a version's folder and below `requirements/`."""
    return f"sbom/{image}.cdx.json"


def files_of(bills: Mapping[str, bytes]) -> dict[str, bytes]:
    """What a version's folder keeps, by path."""
    return {file_name(image): bills[image] for image in IMAGES if image in bills}


def evidence_of(bills: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of each bill, or that there is none, as a verdict's evidence."""
    return {
        f"{PREFIX}{image}": digest(bills[image]) if image in bills else ABSENT for image in IMAGES
    }


def tags_of(evidence: Mapping[str, str]) -> dict[str, str]:
    """A version's tags, from the evidence of the verdict of its training."""
    return {
        f"{TAG_PREFIX}{PREFIX}{image}": evidence.get(f"{PREFIX}{image}", ABSENT) for image in IMAGES
    }
