"""What a lock file's packages take on the disk: `python requirements/sizes.py server`.

They are installed into a fresh environment and compiled, as in the images of docker/, which leave
out the tests that prune.py names.
"""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MB = 1_000_000
SMALLEST_SHOWN = 2 * MB
PRUNED = runpy.run_path(str(HERE / "prune.py"))["TESTED"]


@dataclass(frozen=True)
class Size:
    """Bytes of one installed package.

    Attributes:
        name: Of the package.
        files: What its wheel brought.
        bytecode: What was compiled from that.
        tests: Its own tests, a part of both; images leave them out.
    """

    name: str
    files: int
    bytecode: int
    tests: int

    @property
    def whole(self) -> int:
        """Everything on the disk."""
        return self.files + self.bytecode

    @property
    def in_image(self) -> int:
        """What an image keeps of it."""
        return self.whole - self.tests


def install(lock: Path, venv: Path) -> Path:
    """The folder of installed packages."""
    uv = [str(Path(sys.executable).with_name("uv"))]
    uv += ["--system-certs"] if CERTIFICATES.exists() else []
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(venv)], check=True)
    fill = [*uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes"]
    subprocess.run([*fill, "--python", str(venv / "bin" / "python"), str(lock)], check=True)
    return next(venv.glob("lib/python*/site-packages"))


def sizes_in(packages: Path) -> list[Size]:
    """What each package takes; a file that several bring, as MLflow's do, counts for the first.

    Args:
        packages: A `site-packages` folder.
    """
    counted: set[Path] = set()
    sizes = []
    for one in sorted(distributions(path=[str(packages)]), key=lambda one: plain(one.name)):
        files = {Path(str(one.locate_file(file))) for file in one.files or ()} - counted
        sizes.append(_size(one.name, files))
        counted |= files
    return sizes


def _size(name: str, files: set[Path]) -> Size:
    compiled = {
        cached
        for file in files
        if file.suffix == ".py"
        for cached in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc")
    }
    # pip lists bytecode among a package's files, uv does not.
    tests = {file for file in files | compiled if is_pruned(file)}
    return Size(name, *map(_bytes, (files - compiled, compiled, tests)))


def is_pruned(file: Path) -> bool:
    """Whether images leave a file out."""
    parts = file.parts[file.parts.index("site-packages") + 1 :]
    return parts[0] in PRUNED and "tests" in parts[1:-1]


def plain(name: str) -> str:
    """A package's name as locks spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _bytes(files: set[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.is_file())


def together(name: str, sizes: list[Size]) -> Size:
    """The sum of some packages."""
    return Size(
        name,
        sum(size.files for size in sizes),
        sum(size.bytecode for size in sizes),
        sum(size.tests for size in sizes),
    )


def table_of(name: str, sizes: list[Size]) -> Table:
    """The packages, largest first, and their sum."""
    table = Table(title=f"requirements/{name}.txt, in MB")
    table.add_column("package", no_wrap=True)
    for heading in ("in the image", "its files", "bytecode", "its tests"):
        table.add_column(heading, justify="right")
    large = sorted(
        (size for size in sizes if size.in_image >= SMALLEST_SHOWN),
        key=lambda size: -size.in_image,
    )
    small = [size for size in sizes if size.in_image < SMALLEST_SHOWN]
    shown = [*large, together(f"{len(small)} others", small), together("together", sizes)]
    for size in shown:
        if size is shown[-1]:
            table.add_section()
        figures = (size.in_image, size.files, size.bytecode, size.tests)
        table.add_row(size.name, *(f"{figure / MB:,.1f}" for figure in figures))
    return table


def main() -> None:
    """Print a table of the packages of the named lock file."""
    [name] = sys.argv[1:] or ["server"]
    with tempfile.TemporaryDirectory(prefix="slipway-sizes-") as scratch:
        packages = install(HERE / f"{name}.txt", Path(scratch) / "venv")
        sizes = sizes_in(packages)
    Console().print(table_of(name, sizes))


if __name__ == "__main__":
    main()
