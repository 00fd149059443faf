"""`slipway evidence`: a version's whole case as a folder that verifies itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.adapters.object_store import open_store
from slipway.adapters.pictures import draw
from slipway.adapters.signatures import TrustedKeys
from slipway.errors import BadParameter, NotFound
from slipway.records import ledger, requests
from slipway.records.store import digest, encode
from slipway.stages.evidence.export import write_evidence
from slipway.stages.evidence.gather import gather
from slipway.stages.evidence.layout import SUMS
from slipway.stages.evidence.verify import verify_evidence
from slipway.stages.model.manifest import open_sealed
from slipway.stages.model.sign_version import sign_version
from slipway.stages.model.signature import SIGNATURE
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import Anchor
from slipway.stages.report.version_case import read_case
from tests.support import ferry_dataset
from tests.support.keys import Keys
from tests.support.promotions import promoted
from tests.support.training_env import TrainingEnv, spec

MODEL = "ferry_delay"
TRAIN = "store/runs/ferry_delay/request-000001/train/record.json"
TRIAL = "trials-abc/0000.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Evidence of version 1, which was champion, beside a refused request."""
    env = TrainingEnv.in_memory(tmp_path / "tracking")
    env.land(ferry_dataset.crossings(days=60))
    request = env.ask()
    requests.decide(env.store, request, action="accept", reason="Within the budget.")
    env.champion()
    env.store.create(f"{TRAIN.removeprefix('store/').rpartition('/')[0]}/{TRIAL}", b"{}")
    promoted(env.store, MODEL, 1)
    env.registry.anchor(Anchor(MODEL, MODEL, ledger.head(env.store, MODEL)))
    env.until_gate(env.ask("again"))
    version = env.registry.version(MODEL, 1)
    keys = Keys.make(tmp_path)
    sign_version(version, sha256=version.tags[DIGEST], registry=env.registry, signing=keys.signing)
    sealed = env.registry.download(MODEL, 1, tmp_path / "version")
    found = gather(
        read_case(env.store, version, manifest=open_sealed(sealed)),
        folder=sealed,
        store=env.store,
        tables=env.tables,
        anchored=env.registry.anchored(MODEL),
        draw=draw,
    )
    target = tmp_path / "evidence"
    write_evidence(found.files, target)
    return target


def breaks(folder: Path) -> dict[str, str]:
    """What does not hold, by its place."""
    found = verify_evidence(folder, open_store(str(folder / "store")))
    return {one.key: one.problem for one in found.breaks}


def sum_again(folder: Path) -> None:
    """Write the sums anew, as a forger does."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != SUMS)
    lines = [f"{digest(one.read_bytes())}  {one.relative_to(folder).as_posix()}" for one in files]
    (folder / SUMS).write_text("".join(f"{line}\n" for line in lines))


def test_the_signature_is_verified_where_keys_are_trusted(folder: Path, tmp_path: Path) -> None:
    """Of an evidence that was forged as a whole, with sums of its own, it does not hold."""
    store = open_store(str(folder / "store"))
    trusted = TrustedKeys(tmp_path / "slipway.pub.pem")
    assert verify_evidence(folder, store, verifier=trusted).breaks == ()
    other = Keys.make(tmp_path, "other").verifier
    (unknown,) = verify_evidence(folder, store, verifier=other).breaks
    assert (unknown.key, "not trusted here" in unknown.problem) == (SIGNATURE, True)
    (folder / SIGNATURE).unlink()
    sum_again(folder)
    (absent,) = verify_evidence(folder, store, verifier=trusted).breaks
    assert "is not signed" in absent.problem


def test_a_folder_has_the_whole_case_and_verifies_itself(folder: Path) -> None:
    """By `sha256sum` alone, and by its ledgers up to their heads."""
    for name in (
        *("README.md", "case.json", "model_card.md", "model_card.html"),
        "pictures/reliability.svg",
        *("version/manifest.json", "version/sbom/stages.cdx.json", "version/sbom/server.cdx.json"),
        *(TRAIN, TRAIN.replace("record", "specs-0001")),
        TRAIN.replace("record.json", TRIAL),
        "store/runs/ferry_delay/request-000001/gate/record.json",
        "store/runs/ferry_delay/rollout-000001/promote_champion/record.json",
        *(f"store/requests/{MODEL}/000001{end}.json" for end in ("", ".decision")),
        f"store/ledger/{MODEL}/00000001.json",
    ):
        assert (folder / name).is_file(), name
    assert not (folder / "store/runs/ferry_delay/request-000002").exists()
    words = [str(shutil.which("sha256sum")), "-c", SUMS]
    summed = subprocess.run(words, cwd=folder, capture_output=True, check=True)
    assert b"FAILED" not in summed.stdout
    assert breaks(folder) == {}
    case = json.loads((folder / "case.json").read_text())
    assert case["heads"][MODEL]["sequence"] > case["anchored"]["sequence"] >= 6
    assert case["entries"] == [1, 2, 3, 4, 5, 6]
    assert case["missing"] == []


def test_no_row_is_in_it(folder: Path) -> None:
    """Neither keys nor files of rows, and nothing but text."""
    keys = {str(key).encode() for key in ferry_dataset.crossings(days=60)["crossing"]}
    for file in folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            data.decode()
            assert not any(b'"' + key + b'"' in data for key in keys), file
    assert not list(folder.rglob("*.parquet"))


def test_nothing_is_overwritten(folder: Path) -> None:
    """A folder that holds anything is refused before a write."""
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    with pytest.raises(BadParameter, match="the folder is not empty"):
        write_evidence({"README.md": b"other"}, folder)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_an_export_that_was_stopped_is_not_complete(folder: Path) -> None:
    """The sums are written last, so their absence tells it."""
    (folder / SUMS).unlink()
    with pytest.raises(NotFound, match="no complete evidence"):
        breaks(folder)


def _edit_entry(folder: Path) -> str:
    file = folder / f"store/ledger/{MODEL}/00000003.json"
    entry = json.loads(file.read_text())
    entry["fact"]["reason"] = "Better by far."
    file.write_bytes(encode(entry))
    return f"store/ledger/{MODEL}/00000004.json"


def _remove_entry(folder: Path) -> str:
    (folder / f"store/ledger/{MODEL}/00000002.json").unlink()
    return f"store/ledger/{MODEL}/00000002.json"


def _cut_off(folder: Path) -> str:
    for file in sorted((folder / f"store/ledger/{MODEL}").iterdir())[2:]:
        file.unlink()
    return f"store/ledger/{MODEL}"


def _edit_record(folder: Path) -> str:
    file = folder / TRAIN
    file.write_text(file.read_text().replace('"trained"', '"Trained"'))
    return f"store/ledger/{MODEL}/00000002.json"


def _edit_manifest(folder: Path) -> str:
    file = folder / "version/manifest.json"
    file.write_text(file.read_text().replace("c0ffee", "decaff"))
    return "version/manifest.json"


def _edit_bill(folder: Path) -> str:
    (folder / "version/sbom/server.cdx.json").write_text("{ }")
    return "version/sbom/server.cdx.json"


@pytest.mark.parametrize(
    "forge", [_edit_entry, _remove_entry, _cut_off, _edit_record, _edit_manifest, _edit_bill]
)
def test_a_forgery_with_new_sums_is_found_where_it_is(
    folder: Path, forge: Callable[[Path], str]
) -> None:
    """Sums alone prove nothing against who writes them anew; chain and digests do."""
    place = forge(folder)
    assert breaks(folder)
    sum_again(folder)
    found = breaks(folder)
    assert place in found, found


def test_a_changed_and_an_added_file_are_told(folder: Path) -> None:
    """Also where no ledger knows of it."""
    (folder / "model_card.md").write_text("# perfect")
    (folder / "letter.txt").write_text("trust me")
    assert breaks(folder) == {
        "model_card.md": "differs from its sum in SHA256SUMS",
        "letter.txt": "is not in SHA256SUMS",
    }


def test_a_refit_is_verified_by_its_own_record(tmp_path: Path) -> None:
    """The digest of the training is the judged model's; a forged digest of the refit is found."""
    env = TrainingEnv.in_memory(tmp_path / "tracking")
    env.spec = spec(training={"holdout_days": 10, "min_rows": 500, "ship": "refit"})
    env.land(ferry_dataset.crossings(days=60))
    env.champion()
    env.registry.anchor(Anchor(MODEL, MODEL, ledger.head(env.store, MODEL)))
    version = env.registry.version(MODEL, 1)
    sealed = env.registry.download(MODEL, 1, tmp_path / "version")
    found = gather(
        read_case(env.store, version, manifest=open_sealed(sealed)),
        folder=sealed,
        store=env.store,
        tables=env.tables,
        anchored=env.registry.anchored(MODEL),
    )
    target = tmp_path / "evidence"
    write_evidence(found.files, target)
    assert breaks(target) == {}
    record = target / "store/runs/ferry_delay/request-000001/refit/record.json"
    value = json.loads(record.read_bytes())
    value["verdict"]["evidence"]["manifest_sha256"] = "0" * 64
    record.write_bytes(encode(value))
    sum_again(target)
    assert "refit/record.json" in breaks(target)["version/manifest.json"]
