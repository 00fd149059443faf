"""Bills of materials: the packages of the locks, and the copy in a model version."""

from __future__ import annotations

import json
import re
import runpy
from importlib.metadata import distributions
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from slipway.adapters.git_commit import read_code_state
from slipway.records.store import digest
from slipway.stages.model import sbom

PROJECT = Path(__file__).resolve().parents[2]
SBOM = runpy.run_path(str(PROJECT / "requirements" / "sbom.py"))
IMAGES = SBOM["IMAGES"]
HOST = re.compile(r"https?://(?!cyclonedx\.org/schema/)|file:")


def bill_text(image: str) -> str:
    """A bill of materials as it was committed."""
    return (PROJECT / "requirements" / "sbom" / f"{image}.cdx.json").read_text()


@pytest.mark.parametrize("image", IMAGES)
def test_bill_is_made_from_the_lock_as_it_is_now(image: str) -> None:
    """Made again it is equal, byte for byte, without a time or a serial number."""
    assert SBOM["bill_of"](image) == bill_text(image), "stale: run `make sbom`"


@pytest.mark.parametrize("image", ["server", "shipper"])
def test_bill_is_cyclonedx(image: str) -> None:
    """It fits the published schema, strictly."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill_text(image)) is None


@pytest.mark.parametrize("image", IMAGES)
def test_bill_names_every_package_that_is_installed(image: str) -> None:
    """All packages of this machine that a lock pins, with their digests."""
    lock = (PROJECT / "requirements" / f"{image}.txt").read_text()
    pinned = set(re.findall(r"^([\w.-]+==[^\s;]+)", lock, re.MULTILINE))
    installed = {f"{canonicalize_name(one.name)}=={one.version}" for one in distributions()}
    bill = json.loads(bill_text(image))
    named = {f"{one['name']}=={one['version']}" for one in bill["components"]}
    assert named <= pinned
    # tzdata is here for another package; locked for Windows only, it is in no image.
    # libcst needs pyyaml-ft on CPython 3.13, and images have 3.11.
    others = {"tzdata", "pyyaml-ft"}
    assert {one.partition("==")[0] for one in (pinned & installed) - named} <= others
    for component in bill["components"]:
        [source] = component["externalReferences"]
        assert all(digest["content"] in lock for digest in source["hashes"])
    assert HOST.findall(bill_text(image)) == []


def test_a_checkout_brings_the_bills_that_it_has(tmp_path: Path) -> None:
    """The stages' and the server's; an image without them still trains."""
    assert read_code_state(tmp_path).bills == {}
    found = read_code_state(PROJECT, commit="c0ffee").bills
    assert {name: data.decode() for name, data in found.items()} == {
        name: bill_text(name) for name in ("stages", "server")
    }


def test_tags_have_digests_or_the_lack_of_a_bill() -> None:
    """A version that was trained before there were bills has none."""
    evidence = sbom.evidence_of({"stages": b"{}"})
    assert sbom.tags_of(evidence) == {
        "slipway.sbom.stages": digest(b"{}"),
        "slipway.sbom.server": "absent",
    }
    assert set(sbom.tags_of({}).values()) == {"absent"}
