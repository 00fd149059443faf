"""Images: there at once, or not there and asked for again and again."""

from __future__ import annotations

import asyncio

from tests.kubernetes_double.kubelet.containers import Container
from tests.kubernetes_double.kubelet.pod_sandbox import Place


async def pull(place: Place, container: Container) -> None:
    """Return once the image of a container is there."""
    image, there = container.image, place.ground.images
    if container.pulled or image in there:
        place.tell("Pulled", f'Container image "{image}" already present on machine')
        container.pulled = True
        return
    pace = place.ground.pace
    pause = pace.pull_seconds
    while image not in there:
        await _fail(place, container, pause=pause)
        pause = min(2 * pause, pace.pull_most_seconds)
    place.tell("Pulling", f'Pulling image "{image}"')
    place.tell("Pulled", f'Successfully pulled image "{image}" in 1ms (1ms including waiting)')
    container.pulled = True


async def _fail(place: Place, container: Container, *, pause: float) -> None:
    """One attempt that fails, and the wait after it."""
    image, message = container.image, _no_image(container.image)
    place.tell("Pulling", f'Pulling image "{image}"')
    place.warn("Failed", f'Failed to pull image "{image}": {message}')
    place.warn("Failed", "Error: ErrImagePull")
    container.wait_for("ErrImagePull", message)
    place.changed()
    await asyncio.sleep(pause / 2)
    place.tell("BackOff", f'Back-off pulling image "{image}"')
    place.warn("Failed", "Error: ImagePullBackOff")
    waits = f'Back-off pulling image "{image}": ErrImagePull: {message}'
    container.wait_for("ImagePullBackOff", waits)
    place.changed()
    await asyncio.sleep(pause / 2)


def _no_image(image: str) -> str:
    where = image if "/" in image else f"docker.io/library/{image}"
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{where}": '
        f'failed to resolve reference "{where}": {where}: not found'
    )
