"""Numbers of a command within finite bounds."""

from __future__ import annotations

import math
from typing import Any

import click

MOST_DAYS = 36_500
"""A hundred years."""


class NumberRange(click.FloatRange):
    """A range of finite numbers; `click.FloatRange` takes `nan`, which is beyond no bound."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number.

        Raises:
            BadParameter: It is none, it is not finite, or it is beyond a bound.
        """
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return number
