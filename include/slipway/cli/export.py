"""The command that hands a model version to devices without Slipway."""

from __future__ import annotations

import os
from pathlib import Path

import click

from slipway.cli.output import json_option, print_json
from slipway.errors import BadParameter
from slipway.records.scratch_folder import scratch_folder


@click.command()
@click.argument("model")
@click.option(
    "--onnx",
    "given",
    metavar="PATH",
    is_flag=False,
    flag_value=".",
    required=True,
    help="File to write, or a folder; without a value the present one, and `MODEL.onnx` in it.",
)
@click.option(
    "--version", "which", default="champion", show_default=True, help="A version's number or alias."
)
@json_option
def export(model: str, *, given: str, which: str, as_json: bool) -> None:
    """Write the ONNX form of a version of MODEL, and a program that asks it.

    The file is the very one that the version's server answers with. The program lies beside it,
    is printed too, and needs only onnxruntime and numpy.
    """
    from slipway import wiring
    from slipway.stages.report.export import export_onnx, find_version

    target = Path(given)
    if target.is_dir() or given.endswith(("/", os.sep)):
        target = target / f"{model}.onnx"
    program = target.with_name(f"{target.stem}_example.py")
    if not target.parent.is_dir():
        raise BadParameter(
            "there is no such folder", where=str(target.parent), hint="create it first"
        )
    registry = wiring.Container().registry
    version = find_version(registry, model, which)
    with scratch_folder("slipway-export-", needs="the version's folder") as scratch:
        folder = registry.download(model, version.version, scratch / model)
        exported = export_onnx(folder, version, file=target.name)
    target.write_bytes(exported.data)
    program.write_text(exported.program, encoding="utf-8")
    if as_json:
        print_json(
            {
                "model": model,
                "version": version.version,
                "file": str(target),
                "sha256": exported.sha256,
                "program": str(program),
            }
        )
        return
    click.echo(f"version {version.version} of {model} is in {target}; ask it with {program}:\n")
    click.echo(exported.program)
