"""Errors of commands and Ctrl-C: printed without a traceback."""

from __future__ import annotations

import errno
from typing import IO, Any

import click
from pydantic import ValidationError

from slipway.cli.signals import INTERRUPTED, repeated_interrupt
from slipway.errors import BadParameter, SlipwayError


class Refusal(click.ClickException):
    """One of Slipway's own errors, printed with all its lines; exit status 1."""

    def __init__(self, error: SlipwayError) -> None:
        super().__init__(str(error))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error to standard error."""
        click.echo(f"{click.style('Error:', fg='red')} {self.message}", file=file, err=True)


class Interrupted(click.ClickException):
    """Ctrl-C, told in one line; exit status 130."""

    exit_code = INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted")

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line to standard error."""
        click.echo(self.message, file=file, err=True)


def _is_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C led to an error; some packages end their import in an `ImportError` then."""
    seen: list[BaseException] = []
    before: BaseException | None = error
    # An error that is raised again may be in the chain of what led to it.
    while before is not None and all(before is not one for one in seen):
        if isinstance(before, KeyboardInterrupt):
            return True
        seen.append(before)
        before = before.__cause__ or before.__context__
    return False


def _invalid_settings(error: ValidationError) -> SlipwayError:
    """Specs have errors of their own, so what pydantic refuses here is a setting."""
    first = error.errors()[0]
    name = "_".join(["SLIPWAY", *(str(part).upper() for part in first["loc"])])
    is_secret = "TOKEN" in name or "PASSWORD" in name or "@" in str(first["input"])
    return BadParameter(
        f"the setting {name} is not valid",
        expected=str(first["msg"]).removeprefix("Value error, "),
        found="a value that is not shown" if is_secret else repr(first["input"]),
        hint="docs/reference/settings.md lists every setting",
    )


def _missing_extra(error: ModuleNotFoundError) -> SlipwayError:
    return BadParameter(
        "this command needs a package that is not installed",
        expected=f"{error.name}",
        hint="install the extra of the command: slipway-airflow[stages] for stages and checks of "
        "expectations, slipway-airflow[server] for servers, and "
        "slipway-airflow[airflow,stages,server,shipper] for `slipway up`, for the demo with demo",
    )


_OF_A_PATH = frozenset(
    {
        *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
        *(errno.EROFS, errno.ENOSPC, errno.ENAMETOOLONG, errno.ELOOP),
    }
)


def _is_of_a_path(error: OSError) -> bool:
    """Whether the system refused a path; a lost connection names none, and nor does a full disk."""
    is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return is_full or (error.errno in _OF_A_PATH and error.filename is not None)


def _refused_file(error: OSError) -> SlipwayError:
    """What the system says of a path that a person named; adapters have errors of their own."""
    return BadParameter(
        "a file or a folder cannot be read or written",
        expected="a path that is there, or can be made, with the right to do so",
        found=error.strerror or type(error).__name__,
        where=None if error.filename is None else str(error.filename),
    )


def _told(error: BaseException) -> click.ClickException | None:
    """What is printed in place of a traceback; None: the error is printed as it is."""
    # Before anything else: whatever fails since it was interrupted tells nothing of itself.
    if _is_interrupt(error):
        return Interrupted()
    match error:
        case SlipwayError():
            return Refusal(error)
        case ValidationError():
            return Refusal(_invalid_settings(error))
        case ModuleNotFoundError():
            return Refusal(_missing_extra(error))
        case OSError() if _is_of_a_path(error):
            return Refusal(_refused_file(error))
        case _:
            return None


class Commands(click.Group):
    """A group whose commands end in a `Refusal` where Slipway raises one of its errors.

    Commands are listed in the order in which they were added.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with repeated_interrupt():
                return super().invoke(ctx)
        except (KeyboardInterrupt, Exception) as error:
            told = _told(error)
            if told is None:
                raise
            raise told from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the commands."""
        return list(self.commands)
