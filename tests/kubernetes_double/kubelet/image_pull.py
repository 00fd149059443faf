"""Images: present, or pulled again and again."""

from __future__ import annotations

import asyncio

from tests.kubernetes_double.kubelet.containers import Container
from tests.kubernetes_double.kubelet.pod_sandbox import PodContext


async def pull(pod_context: PodContext, container: Container) -> None:
    """Return once the image of a container is present."""
    image, there = container.image, pod_context.cluster.images
    if container.pulled or image in there:
        pod_context.record("Pulled", f'Container image "{image}" already present on machine')
        container.pulled = True
        return
    pace = pod_context.cluster.pace
    pause = pace.pull_seconds
    while image not in there:
        await _fail(pod_context, container, pause=pause)
        pause = min(2 * pause, pace.pull_most_seconds)
    pod_context.record("Pulling", f'Pulling image "{image}"')
    pod_context.record(
        "Pulled", f'Successfully pulled image "{image}" in 1ms (1ms including waiting)'
    )
    container.pulled = True


async def _fail(pod_context: PodContext, container: Container, *, pause: float) -> None:
    """One failed pull, and the wait after it."""
    image, message = container.image, _no_image(container.image)
    pod_context.record("Pulling", f'Pulling image "{image}"')
    pod_context.warn("Failed", f'Failed to pull image "{image}": {message}')
    pod_context.warn("Failed", "Error: ErrImagePull")
    container.wait_for("ErrImagePull", message)
    pod_context.changed()
    await asyncio.sleep(pause / 2)
    pod_context.record("BackOff", f'Back-off pulling image "{image}"')
    pod_context.warn("Failed", "Error: ImagePullBackOff")
    waits = f'Back-off pulling image "{image}": ErrImagePull: {message}'
    container.wait_for("ImagePullBackOff", waits)
    pod_context.changed()
    await asyncio.sleep(pause / 2)


def _no_image(image: str) -> str:
    where = image if "/" in image else f"docker.io/library/{image}"
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{where}": '
        f'failed to resolve reference "{where}": {where}: not found'
    )
