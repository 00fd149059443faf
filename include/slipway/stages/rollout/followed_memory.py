"""Remember outside the store which desired state of each model was followed last.

A signature stays valid: only a memory that access to the store does not reach tells an older state
that was put back from the newest one. It lies in the scratch folder of what follows the states, and
has the state itself, so that what served goes on when the store has lost it.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.errors import DiskFull, Tampered
from slipway.records.desired_state import DesiredState, parse_desired
from slipway.records.store import encode, parse_json


@dataclass(frozen=True)
class Followed:
    """What was followed last of one model.

    Attributes:
        state: The state, with its signature.
        store: Identity of the store that it came from.
        file: Where it is remembered; once that is deleted, the newest signed state counts.
    """

    state: DesiredState
    store: str
    file: Path


class FollowedMemory:
    """Keeps the newest followed state of each model, one file each.

    Args:
        home: Its folder, on a local disk; below it are the folders of the states.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def find(self, model: str, *, folder: str) -> Followed | None:
        """Return what was followed last of a model, or None.

        Raises:
            Tampered: Its file does not hold a state.
        """
        return _read(self._file(model, folder))

    def models(self, *, folder: str) -> dict[str, int]:
        """Return the models of which a state is remembered, with the time of the last change."""
        home = self._home / folder
        files = sorted(home.glob("*.json")) if home.is_dir() else []
        return {file.stem: file.stat().st_mtime_ns for file in files}

    def keep(self, state: DesiredState, *, folder: str, store: str) -> None:
        """Keep a state, unless a newer one of its model is kept; it is on disk afterwards.

        Args:
            state: A state whose signature was verified.
            folder: Folder of the states.
            store: Identity of its store.

        Raises:
            Tampered: The file of its model does not hold a state.
            DiskFull: It cannot be written.
        """
        file = self._file(state.model, folder)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with (file.parent / ".lock").open("w") as lock:
                # Several tasks of one worker may score at once.
                fcntl.flock(lock, fcntl.LOCK_EX)
                known = _read(file)
                if known is None or known.state.generation < state.generation:
                    _replace(file, encode({"store": store, "state": state.to_json()}))
        except OSError as error:
            raise DiskFull(
                f"the desired state of {state.model} is not followed, since it is not remembered",
                expected="room and the right to write",
                found=f"{type(error).__name__}: {error.strerror}",
                where=str(file),
            ) from error

    def _file(self, model: str, folder: str) -> Path:
        return self._home / folder / f"{model}.json"


def _replace(file: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as draft:
        draft.write(data)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(file)


def _read(file: Path) -> Followed | None:
    try:
        value: Any = parse_json(file.read_bytes())
        kept, store = value["state"], str(value["store"])
        state = parse_desired(
            kept, model=file.stem, generation=int(kept["generation"]), where=str(file)
        )
    except FileNotFoundError:
        return None
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise Tampered(
            "what was followed last cannot be read",
            expected="a desired state, as it was kept",
            found=type(error).__name__,
            where=str(file),
            hint="delete the file: the newest signed state counts then",
        ) from error
    return Followed(state, store, file)
