"""Loopback addresses of one cluster."""

from __future__ import annotations

import itertools
import random
import socket

# The kubelet's port, which no pod uses.
CLAIM_PORT = 10250


class Addresses:
    """A block 127.x.0.0/16, claimed by listening in it: pods below 127.x.128.0, Services above."""

    def __init__(self) -> None:
        blocks = list(range(16, 250))
        random.shuffle(blocks)
        self._claim = socket.socket()
        self._block = next(block for block in blocks if self._free(block))
        self._pods = itertools.count(256)
        self._services = itertools.count(128 * 256 + 1)

    def _free(self, block: int) -> bool:
        try:
            self._claim.bind((f"127.{block}.0.1", CLAIM_PORT))
            self._claim.listen()
        except OSError:
            self._claim.close()
            self._claim = socket.socket()
            return False
        return True

    def pod(self) -> str:
        """A new address for a pod."""
        return self._address(next(self._pods))

    def service(self) -> str:
        """A new address for a Service."""
        return self._address(next(self._services))

    def release(self) -> None:
        """Release the block."""
        self._claim.close()

    def _address(self, number: int) -> str:
        # The last byte is 1 to 254, as for hosts.
        high, low = divmod(number, 254)
        return f"127.{self._block}.{high}.{low + 1}"
