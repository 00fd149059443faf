"""The origin of a stage that is run from a shell or in a pod."""

from __future__ import annotations

import getpass
import json
import socket
import uuid
from typing import Any

import click


class Origin(click.ParamType[dict[str, Any]]):
    """The origin of a stage, as a JSON object."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        """Parse the object."""
        try:
            read = json.loads(value)
        except json.JSONDecodeError as error:
            self.fail(f"not JSON: {error}", param, ctx)
        if not isinstance(read, dict):
            self.fail("not a JSON object", param, ctx)
        return read


def shell_origin() -> dict[str, Any]:
    """Return the origin of a stage without a DAG run: the user of this shell."""
    return {
        "by": getpass.getuser(),
        "host": socket.gethostname(),
        "run_id": f"shell-{uuid.uuid4().hex[:12]}",
    }
