"""Bearer tokens, without a server."""

from __future__ import annotations

import hmac
import logging
import os
from pathlib import Path

import pytest

from slipway.errors import BadParameter
from slipway.serving.http import tokens
from slipway.serving.http.tokens import TokensFile, line_of, make_token


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a changed file be read at the next request."""
    monkeypatch.setattr(tokens, "RELOAD_SECONDS", 0.0)


def write(file: Path, *lines: str) -> None:
    """Replace a tokens file in one step, as an editor or a mounted secret does."""
    fresh = file.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n")
    os.replace(fresh, file)  # noqa: PTH105 - one step


def bearer(token: str) -> str:
    """The `Authorization` header with a token."""
    return f"Bearer {token}"


def test_a_token_proves_its_client(tmp_path: Path) -> None:
    """Each token has a client's name; anything else is refused."""
    first, second = make_token(), make_token()
    file = tmp_path / "tokens"
    write(
        file, "# who may ask", line_of("web", first), "", line_of("night.batch", second) + "  # x"
    )
    known = TokensFile(file)
    assert known.client(bearer(first)) == "web"
    assert known.client(f"bEARER  {second} ") == "night.batch"
    for offered in (None, "", first, f"Basic {first}", bearer(first[:-1]), bearer("ü"), "Bearer"):
        assert known.client(offered) is None


def test_the_file_holds_no_token(tmp_path: Path) -> None:
    """A reader of the file learns no token."""
    token = make_token()
    line = line_of("web", token)
    assert token not in line
    write(tmp_path / "tokens", line)
    assert TokensFile(tmp_path / "tokens").client(bearer(line.split()[1])) is None


def test_tokens_are_rotated_without_a_restart(tmp_path: Path) -> None:
    """Old and new token are valid while both are in the file."""
    old, new = make_token(), make_token()
    file = tmp_path / "tokens"
    write(file, line_of("web", old))
    known = TokensFile(file)
    write(file, line_of("web", old), line_of("web", new))
    assert (known.client(bearer(old)), known.client(bearer(new))) == ("web", "web")
    write(file, line_of("web", new))
    assert (known.client(bearer(old)), known.client(bearer(new))) == (None, "web")


@pytest.mark.parametrize("broken", ["web not-a-digest", "", None], ids=["line", "empty", "gone"])
def test_a_broken_file_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str | None
) -> None:
    """After a mistake the last valid tokens stay in force; it is logged once."""
    token, later = make_token(), make_token()
    file = tmp_path / "tokens"
    write(file, line_of("web", token))
    known = TokensFile(file)
    if broken is None:
        file.unlink()
    else:
        write(file, broken)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert known.client(bearer(token)) == "web"
            assert known.client(bearer(later)) is None
    assert len(caplog.records) == 1
    write(file, line_of("web", later))
    assert (known.client(bearer(token)), known.client(bearer(later))) == (None, "web")


@pytest.mark.parametrize("broken", ["web not-a-digest", "# nobody", None])
def test_a_file_that_was_never_good_is_refused(tmp_path: Path, broken: str | None) -> None:
    """A server whose tokens cannot be read does not start."""
    if broken is not None:
        write(tmp_path / "tokens", broken)
    with pytest.raises(BadParameter, match="tokens file"):
        TokensFile(tmp_path / "tokens")


def test_every_line_is_compared_in_constant_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of an answer depends neither on a token's line nor on its likeness."""
    made = [make_token() for _ in range(5)]
    write(tmp_path / "tokens", *(line_of(f"c{place}", token) for place, token in enumerate(made)))
    known = TokensFile(tmp_path / "tokens")
    compared: list[tuple[str, str]] = []
    honest = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return honest(one, other)

    monkeypatch.setattr(tokens.hmac, "compare_digest", compare)
    for offered in (made[0], made[4], "wrong"):
        compared.clear()
        known.client(bearer(offered))
        assert len(compared) == 5
        assert len({len(text) for pair in compared for text in pair}) == 1


@pytest.mark.parametrize("name", ["", "two words", "a#b", "naïve", "a\nb"])
def test_a_name_that_a_line_cannot_hold_is_refused(name: str) -> None:
    """Names are letters, digits, dots, dashes and underscores."""
    with pytest.raises(BadParameter):
        line_of(name, make_token())
