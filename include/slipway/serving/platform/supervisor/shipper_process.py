"""The shipper as a supervised process of the platform."""

from __future__ import annotations

import asyncio

from slipway.serving.platform.supervisor.supervised_process import (
    ProcessContext,
    SupervisedProcess,
    python_call,
)


class ShipperProcess(SupervisedProcess):
    """The shipper's process.

    Args:
        store_root: Root URI of the store.
        context: What all processes of the platform share.
    """

    def __init__(self, *, store_root: str, context: ProcessContext) -> None:
        super().__init__("shipper", context=context)
        self._command = python_call(
            "slipway.serving.prediction_log.shipper:ship",
            store_root=store_root,
            log_folder=context.log_folder,
            poll_seconds=min(0.5, context.options.roll_seconds / 2),
            parent_pipe=context.parent_pipe,
        )

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await self._execute(self._command)
