"""Verify a folder of evidence: sums, ledgers up to their heads, and the version's digests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import BadSignature, NotFound
from slipway.records import ledger
from slipway.records.ledger import Break
from slipway.records.run_records import RECORD
from slipway.records.store import digest, parse_json
from slipway.stages.evidence.layout import CASE, MANIFEST_FILE, STORE, SUMS, VERSION
from slipway.stages.model.shipped import REFIT, TRAIN
from slipway.stages.model.signature import SIGNATURE

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.ports.signatures import Verifier


@dataclass(frozen=True)
class Verified:
    """Result of a verification.

    Attributes:
        model: Model.
        version: Version.
        files: Number of files in the sums.
        entries: Number of entries in each ledger.
        breaks: What does not hold, and where.
    """

    model: str
    version: int
    files: int
    entries: Mapping[str, int]
    breaks: tuple[Break, ...]


def verify_evidence(folder: Path, store: Store, *, verifier: Verifier | None = None) -> Verified:
    """Verify a folder of evidence against its own sums, heads and digests.

    Args:
        folder: The folder.
        store: Its `store/`, opened as a store.
        verifier: Public keys, by one of which the version has to be signed; None: by none.

    Raises:
        NotFound: It holds no complete evidence.
        BadParameter: The keys cannot be read.
    """
    require_complete(folder)
    sums = _sums(folder)
    case = _case(folder)
    breaks = list(_changed_files(folder, sums))
    entries = {}
    for subject, head in case["heads"].items():
        entries[subject] = ledger.length(store, subject)
        breaks += _broken_chain(store, subject, ledger.Head(**head))
    if case["anchored"] is not None:
        breaks += _other_anchor(store, case["model"], ledger.Head(**case["anchored"]))
    breaks += _other_version(folder, case)
    breaks += () if verifier is None else _bad_signature(folder, case, verifier)
    return Verified(
        str(case["model"]), int(case["version"]), len(sums), entries, tuple(dict.fromkeys(breaks))
    )


def require_complete(folder: Path) -> None:
    """Raise unless a folder holds an export that came to its end.

    Raises:
        NotFound: It has no sums, or no part of the store.
    """
    if not (folder / SUMS).is_file() or not (folder / STORE).is_dir():
        raise NotFound(
            "the folder holds no complete evidence",
            expected=f"{SUMS} and {STORE}/",
            where=str(folder),
            hint="an export that was stopped has none; export it again into another folder",
        )


def _sums(folder: Path) -> dict[str, str]:
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("  ", 1) for line in lines)
    return {pair[1]: pair[0] for pair in pairs if len(pair) > 1}


def _case(folder: Path) -> dict[str, Any]:
    try:
        case: Any = parse_json((folder / CASE).read_bytes())
        return {
            **case,
            **{name: case[name] for name in ("model", "version", "heads", "anchored", "run_key")},
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound(
            "the folder's case cannot be read",
            expected=f"{CASE} as it was exported",
            found=type(error).__name__,
            where=str(folder / CASE),
        ) from error


def _changed_files(folder: Path, sums: Mapping[str, str]) -> Iterator[Break]:
    present = {
        file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
    } - {SUMS}
    for name in sorted(present | sums.keys()):
        if name not in sums:
            yield Break(name, f"is not in {SUMS}")
        elif name not in present:
            yield Break(name, "is missing")
        elif digest((folder / name).read_bytes()) != sums[name]:
            yield Break(name, f"differs from its sum in {SUMS}")


def _broken_chain(store: Store, subject: str, head: ledger.Head) -> Iterator[Break]:
    breaks = ledger.verify(store, subject, anchor=head, records="present")
    yield from (Break(f"{STORE}/{one.key}", one.problem) for one in breaks)
    length = ledger.length(store, subject)
    if length > head.sequence:
        problem = f"has {length} entries, and its head in {CASE} is entry {head.sequence}"
        yield Break(f"{STORE}/ledger/{subject}", problem)


def _other_anchor(store: Store, model: str, anchored: ledger.Head) -> Iterator[Break]:
    """Break where the entry that was anchored in MLflow is another one here."""
    for one in ledger.verify(store, model, anchor=anchored, records="present"):
        yield Break(f"{STORE}/{one.key}", one.problem)


def _bad_signature(folder: Path, case: Mapping[str, Any], verifier: Verifier) -> Iterator[Break]:
    """Break where no trusted key signed the manifest for the model."""
    manifest, signature = folder / MANIFEST_FILE, folder / SIGNATURE
    if not manifest.is_file():
        return
    bundle = signature.read_bytes() if signature.is_file() else None
    sha256 = digest(manifest.read_bytes())
    try:
        verifier.verify(bundle, model=str(case["model"]), sha256=sha256, where=str(signature))
    except BadSignature as error:
        yield Break(SIGNATURE, f"{error.message}: found {error.found}")


def _other_version(folder: Path, case: Mapping[str, Any]) -> Iterator[Break]:
    """Break where manifest, its files or the training's record tell of another version."""
    file = folder / MANIFEST_FILE
    if not file.is_file():
        return
    data = file.read_bytes()
    for name, wanted in _recorded_digests(folder, case):
        if digest(data) != wanted:
            yield Break(MANIFEST_FILE, f"differs from the digest in {name}")
    try:
        files = parse_json(data)["files"]
    except (ValueError, KeyError, TypeError):
        yield Break(MANIFEST_FILE, "is no manifest")
        return
    for kept in sorted((folder / VERSION).rglob("*")):
        name = kept.relative_to(folder / VERSION).as_posix()
        wanted = files.get(name) or files.get(f"slipway/{name}")
        if kept.is_file() and kept != file and digest(kept.read_bytes()) != wanted:
            yield Break(f"{VERSION}/{name}", "differs from its digest in the manifest")


def _recorded_digests(folder: Path, case: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Digests of the manifest that case and record have, with where they stand."""
    yield CASE, str(case.get("manifest_sha256"))
    subject, _, run = str(case["run_key"]).partition("/")
    names = {one: f"{STORE}/runs/{subject}/{run}/{one}/{RECORD}" for one in (REFIT, TRAIN, "copy")}
    wanted = {stage: _recorded_digest(folder / name) for stage, name in names.items()}
    if wanted[REFIT] is not None:
        # The version is the refit; the digest of the training is the judged model's.
        wanted[TRAIN] = None
    yield from ((names[stage], sha256) for stage, sha256 in wanted.items() if sha256 is not None)


def _recorded_digest(file: Path) -> str | None:
    """Digest of a manifest in the verdict of a record; None where there is none."""
    if not file.is_file():
        return None
    try:
        found = parse_json(file.read_bytes())["verdict"]["evidence"].get("manifest_sha256")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return None if found is None else str(found)
