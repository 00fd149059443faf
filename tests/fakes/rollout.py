"""A serving platform and a registry's aliases, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from slipway.errors import (
    BadRequest,
    NotFound,
    PlatformUnavailable,
    RolloutRefused,
)
from slipway.records.desired import desire, newest_desired
from slipway.records.ledger import Head
from slipway.records.store import Store
from slipway.serving.protocol import Inputs, Signature, decode
from slipway.stages.platform import Answer, Payload, Served

Scores = Callable[[Inputs], list[float]]


@dataclass
class FakePlatform:
    """Fulfils `stages.platform.Platform`.

    Attributes:
        store: Where what should be served is written.
        signature: What every version takes.
        models: How each version scores.
        broken: Versions whose server never becomes ready.
        down: Whether nothing answers.
        lenient: Whether candidates accept everything.
        applied: Every change of the traffic: weights and what stays warm.
    """

    store: Store
    signature: Signature
    models: dict[int, Scores]
    broken: set[int] = field(default_factory=set)
    down: bool = False
    lenient: bool = False
    applied: list[tuple[dict[int, float], list[int]]] = field(default_factory=list)
    _in_force: dict[str, Served] = field(default_factory=dict)

    def served(self, model: str) -> Served | None:
        """What is really served."""
        self._answer_at_all()
        return self._in_force.get(model)

    def apply(
        self, model: str, *, weights: Mapping[int, float], keep: Sequence[int], token: int
    ) -> None:
        """Change the traffic, unless a version does not become ready."""
        desire(self.store, model, weights=weights, keep=keep, token=token)
        self._answer_at_all()
        if unready := self.broken & weights.keys():
            raise PlatformUnavailable(f"versions {unready} do not become ready")
        state = newest_desired(self.store, model)
        assert state is not None
        healthy = {version: version not in self.broken for version in state.versions}
        self._in_force[model] = Served(state.weights, healthy, state.keep, state.token)
        self.applied.append((dict(weights), list(keep)))

    def ask(self, model: str, payload: Payload) -> Answer:
        """The answer of the version that serves."""
        served = self.served(model)
        if served is None:
            raise NotFound(f"{model} is not served")
        if served.version is None:
            raise PlatformUnavailable(f"no server of {model} is ready")
        return self._score(served.version, payload)

    @contextmanager
    def boot(self, model: str, *, version: int, folder: Path) -> Iterator[FakeCandidate]:
        """A candidate, unless it is broken."""
        del model, folder
        if version in self.broken:
            raise RolloutRefused("the candidate's server does not become ready")
        yield FakeCandidate(self, version)

    def forget(self, model: str) -> None:
        """Lose what is served, as a platform whose disk is gone."""
        del self._in_force[model]

    def _answer_at_all(self) -> None:
        if self.down:
            raise PlatformUnavailable("the serving platform does not answer")

    def _score(self, version: int, payload: Payload) -> Answer:
        import json

        inputs = decode(json.dumps(payload).encode(), self.signature, max_rows=10_000)
        return Answer(version, tuple(self.models[version](inputs)))


@dataclass
class FakeCandidate:
    """Fulfils `stages.platform.Candidate`."""

    platform: FakePlatform
    version: int
    cold_start_s: float = 1.0
    resident_mib: float = 100.0

    def infer(self, payload: Payload) -> Answer:
        """Its answer."""
        return self.platform._score(self.version, payload)  # noqa: SLF001

    def refuses(self, body: bytes) -> bool:
        """Whether the real decoder refuses a body."""
        if self.platform.lenient:
            return False
        try:
            decode(body, self.platform.signature, max_rows=10_000)
        except BadRequest:
            return True
        return False


@dataclass(frozen=True)
class FakeVersion:
    """A registered version."""

    version: int
    tags: dict[str, str]


@dataclass
class FakeRegistry:
    """Fulfils what rollout asks of `Registry`.

    Attributes:
        aliases: Alias to version.
        tags: Version to its tags; a version that is not in it does not exist.
        anchors: Every head that was written down.
    """

    aliases: dict[str, int] = field(default_factory=dict)
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    anchors: list[Head] = field(default_factory=list)

    def alias(self, model: str, alias: str) -> FakeVersion | None:
        """The version that an alias names, or None."""
        return self.version(model, self.aliases[alias]) if alias in self.aliases else None

    def version(self, model: str, version: int) -> FakeVersion:
        """One version."""
        if version not in self.tags:
            raise NotFound(f"{model} has no version {version}")
        return FakeVersion(version, dict(self.tags[version]))

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Let an alias name a version."""
        self.aliases[alias] = self.version(model, version).version

    def delete_alias(self, model: str, alias: str) -> None:
        """Let an alias name nothing."""
        del model
        self.aliases.pop(alias, None)

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Note something about a version."""
        self.version(model, version)
        self.tags[version].update(tags)

    def anchor(self, model: str, head: Head) -> None:
        """Keep the head."""
        del model
        self.anchors.append(head)

    def download(self, model: str, version: int, to: Path) -> Path:
        """A folder that holds nothing but the version's number."""
        self.version(model, version)
        to.mkdir(parents=True)
        (to / "version").write_text(str(version))
        return to
