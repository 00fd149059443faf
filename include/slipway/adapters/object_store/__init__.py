"""The object store, on a local folder or on S3 (obstore).

S3's address and credentials come from the standard `AWS_*` variables, among them
`AWS_ENDPOINT_URL` and, for an address without TLS, `AWS_ALLOW_HTTP`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import LocalStore, S3Store

from slipway.adapters.object_store.access import S3Access, client_options
from slipway.adapters.object_store.any_keys import list_any_keys
from slipway.adapters.object_store.entries import sorted_entries
from slipway.adapters.object_store.landed_file import copy_landed_file, open_private
from slipway.errors import BadParameter, CommitConflict, NotFound, StoreUnavailable
from slipway.records.folder_survey import (
    LONGEST_NAME,
    allowed_folders,
    printable_key,
    survey_folder,
)
from slipway.records.landing_area import LANDING
from slipway.records.scratch_folder import FULL, refuse_full_disk, says_full_disk
from slipway.records.store import Entry, Survey, Unusable
from slipway.settings import DeliveryLimits, split_userinfo

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import RetryConfig

PIECE_BYTES = 8 * 2**20
PIECES_AT_ONCE = 4
LOOK_UPS_AT_ONCE = 16

_STRANGE_KEY = "invalid path"
"""Of obstore's error: the listing has a key that it cannot hold."""

_RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


def open_store(
    root: str,
    *,
    access: S3Access | None = None,
    may_make: bool = True,
    links: str | None = None,
) -> ObjectStore:
    """Open the store below a root.

    Args:
        root: A local folder, or `s3://bucket/prefix`.
        access: Access to the bucket; None: the `AWS_…` variables.
        may_make: Whether to create a local folder that does not exist.
        links: Folders to which links in a local landing area may lead; None: by the settings.

    Raises:
        BadParameter: The root is neither a folder nor an S3 address.
        NotFound: The folder does not exist, and may not be created.
        StoreUnavailable: The folder does not exist, and cannot be created.
    """
    scheme, separator, place = root.partition("://")
    if not separator:
        folder = Path(root).expanduser().resolve()
        if not may_make and not folder.is_dir():
            raise NotFound("there is no such store", where=str(folder))
        try:
            return ObjectStore(str(folder), LocalStore(folder, mkdir=True), links=links)
        except OSError as error:
            raise StoreUnavailable(
                "the store's folder cannot be created",
                found=str(error),
                where=str(folder),
                hint="set SLIPWAY_STORE to a folder that can be written, or to s3://bucket/prefix",
            ) from error
    bucket, _, prefix = place.strip("/").partition("/")
    if scheme != "s3" or not bucket or "@" in bucket:
        raise BadParameter(
            f"cannot open a store at {split_userinfo(root)[0]}",
            expected="a folder, or s3://bucket/prefix; AWS_… variables hold keys and passwords",
            hint="set SLIPWAY_STORE",
        )
    access = access or S3Access()
    store = S3Store(
        bucket,
        prefix=prefix or None,
        config=access.config(),
        client_options=client_options(),
        retry_config=_RETRIES,
        credential_provider=access.credentials(),
    )
    return ObjectStore(root.rstrip("/"), store, access)


class ObjectStore:
    """Fulfils `records.store.Store`; safe to share among threads, not across a fork."""

    _used_by_process: ClassVar[int | None] = None

    def __init__(
        self,
        root: str,
        store: LocalStore | S3Store,
        access: S3Access | None = None,
        links: str | None = None,
    ) -> None:
        self.root = root
        self._store = store
        self._is_local = isinstance(store, LocalStore)
        self._access = access or S3Access()
        self._links = links

    def read(self, key: str) -> bytes:
        """Return the bytes of an object.

        Raises:
            NotFound: There is no such object.
        """
        with self._translate_errors("read", key):
            return bytes(obstore.get(self._store, key).bytes())

    def write(self, key: str, data: bytes) -> None:
        """Write an object, replacing it as a whole."""
        with self._translate_errors("write", key, missing="the bucket"):
            obstore.put(self._store, key, data)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object unless it exists; return whether this call wrote it."""
        with self._translate_errors("create", key, missing="the bucket"):
            try:
                obstore.put(self._store, key, data, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def download(self, key: str, path: Path) -> None:
        """Copy an object into a local file, piece by piece.

        Raises:
            NotFound: There is no such object.
            DiskFull: The file has no room on the local disk.
            CommitConflict: It was written again meanwhile.
        """
        with (
            self._translate_errors("download", key),
            refuse_full_disk(path.parent, needs=f"a copy of {key}"),
            open_private(path) as file,
        ):
            if self._is_local and key.startswith(f"{LANDING}/"):
                copy_landed_file(Path(self.root, key), file, allowed=self._allowed)
                return
            meta = obstore.head(self._store, key)
            try:
                # One request for each piece: a timeout counts for the whole of a request.
                for start in range(0, meta["size"], PIECE_BYTES):
                    end = min(start + PIECE_BYTES, meta["size"])
                    options: GetOptions = {"range": (start, end), "if_match": meta["e_tag"]}
                    file.write(obstore.get(self._store, key, options=options).bytes())
            except PreconditionError as error:
                raise CommitConflict(
                    "the object was written again while it was downloaded",
                    where=self.uri(key),
                    hint="a retry reads the new one",
                ) from error

    def upload(self, path: Path, key: str) -> None:
        """Write a local file as an object, piece by piece, replacing it as a whole."""
        with self._translate_errors("upload", key, missing="the file or the bucket"):
            obstore.put(
                self._store, key, path, chunk_size=PIECE_BYTES, max_concurrency=PIECES_AT_ONCE
            )

    def exists(self, key: str) -> bool:
        """Return whether an object exists."""
        try:
            with self._translate_errors("look for", key):
                obstore.head(self._store, key)
        except NotFound:
            return False
        return True

    def list(self, prefix: str) -> list[Entry]:
        """Return every object below a folder, sorted by key."""
        with self._translate_errors("list", prefix, missing="the bucket"):
            found = [meta for page in obstore.list(self._store, prefix) for meta in page]
        return sorted_entries(found)

    def survey(self, prefix: str) -> Survey:
        """Return every object below a folder into which other systems write.

        A listing fails as a whole for one entry that cannot be read; then the others are looked up
        one by one.
        """
        if not self._is_local:
            return self._survey_bucket(prefix)
        keys, unusable = survey_folder(Path(self.root), prefix, allowed=self._allowed)
        entries = self._look_up(keys)[0] if unusable else self.list(prefix)
        return Survey(tuple(entries), unusable, longest_name=LONGEST_NAME)

    @property
    def _allowed(self) -> tuple[str, ...]:
        links = DeliveryLimits().link_folders if self._links is None else self._links
        return allowed_folders(Path(self.root, LANDING), links)

    def _survey_bucket(self, prefix: str) -> Survey:
        try:
            return Survey(tuple(self.list(prefix)))
        except StoreUnavailable as error:
            if _STRANGE_KEY not in (error.found or ""):
                raise
        with self._translate_errors("list", prefix, missing="the bucket"):
            keys = list(list_any_keys(self.root, prefix, access=self._access))
        entries, unusable = self._look_up(keys)
        return Survey(tuple(entries), tuple(unusable))

    def _look_up(self, keys: Iterable[str]) -> tuple[Sequence[Entry], Sequence[Unusable]]:
        """Objects by their keys, and the keys that cannot be one of the store."""
        with ThreadPoolExecutor(LOOK_UPS_AT_ONCE) as threads:
            found = list(threads.map(self._head, keys))
        entries = [one for one in found if one is not None and not isinstance(one, Unusable)]
        return sorted_entries(entries), [one for one in found if isinstance(one, Unusable)]

    def _head(self, key: str) -> ObjectMeta | Unusable | None:
        try:
            with self._translate_errors("look for", key):
                return obstore.head(self._store, key)
        except NotFound:
            return None
        except BadParameter:
            reason = "has an empty part, `.`, `..` or a control character in its name"
            return Unusable(printable_key(key), reason, "rename it")

    def delete(self, key: str) -> None:
        """Delete an object if it exists."""
        try:
            with self._translate_errors("delete", key):
                obstore.delete(self._store, key)
        except NotFound:
            return

    def uri(self, key: str) -> str:
        """Return the path or `s3://` address of an object."""
        return f"{self.root}/{key}"

    @contextmanager
    def _translate_errors(
        self, verb: str, key: str, *, missing: str | None = None
    ) -> Iterator[None]:
        self._refuse_after_fork()
        try:
            yield
        except FileNotFoundError as error:
            if missing is None:
                raise NotFound(f"there is no {key} in the store", where=self.root) from error
            raise self._unavailable(verb, key, found=f"{missing} does not exist") from error
        except (BaseError, OSError) as error:
            raise self._unavailable(verb, key, found=str(error).partition("\n")[0]) from error
        except ValueError as error:
            raise BadParameter(
                f"{key!r} cannot be a key of the store",
                expected="parts joined by `/`, none of them empty, `.` or `..`",
            ) from error

    def _unavailable(self, verb: str, key: str, *, found: str) -> StoreUnavailable:
        is_full = says_full_disk(found)
        return StoreUnavailable(
            f"the store could not {verb} {key}",
            found=FULL if is_full else found,
            where=self.root,
            hint="free space on the disk of SLIPWAY_STORE"
            if is_full
            else "check SLIPWAY_STORE and, for S3, the AWS_… variables",
        )

    def _refuse_after_fork(self) -> None:
        """Raise in a forked child, where obstore would hang: its threads do not survive a fork."""
        process = os.getpid()
        if ObjectStore._used_by_process is None:
            ObjectStore._used_by_process = process
        if ObjectStore._used_by_process != process:
            raise StoreUnavailable(
                "the store cannot be used in this process",
                found="it was used in the parent process before the fork",
                hint="start a new process (spawn, subprocess) instead of forking",
            )
