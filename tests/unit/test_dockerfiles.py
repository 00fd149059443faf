"""Dockerfiles: pinned parts, an unprivileged user, and no secret."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from tests.support.dockerfiles import PROJECT, Stage, copied, is_ignored, lineage, stages, variables

TMP = "/tmp"  # noqa: S108
FILES = sorted((PROJECT / "docker").glob("*.Dockerfile"))
STAGES = {file.name.partition(".")[0]: stages(file) for file in FILES}
IMAGES = [
    *((name, name) for name in STAGES),
    *(("server", target) for target in ("shipper", "platform")),
]
PRUNE = runpy.run_path(str(PROJECT / "requirements" / "prune.py"))
SIZES = runpy.run_path(str(PROJECT / "requirements" / "sizes.py"))
SERVER_MB = 450
TITLES = ("title", "description", "version", "revision", "source", "licenses")
every_image = pytest.mark.parametrize(("file", "target"), IMAGES)


def every_step(word: str) -> list[str]:
    """Arguments of one kind of instruction, in all files."""
    return [
        text for file in STAGES.values() for stage in file.values() for text in stage.texts(word)
    ]


def whole(file: str, target: str) -> list[Stage]:
    """A target's own stages, the lowest first."""
    return lineage(STAGES[file], target)


def test_the_last_stage_is_the_one_that_a_file_is_named_after() -> None:
    """`docker build -f docker/<name>.Dockerfile` without a target makes that image."""
    assert {name: list(file)[-1] for name, file in STAGES.items()} == {
        name: name for name in STAGES
    }


@every_image
def test_base_is_pinned_by_digest(file: str, target: str) -> None:
    """A full version and its digest, named once; a build argument replaces it."""
    base = whole(file, target)[0].base
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base)
    text = (PROJECT / "docker" / f"{file}.Dockerfile").read_text()
    assert text.count("3.11") == 1
    assert "ARG PYTHON_IMAGE=python:3.11" in text


@every_image
def test_image_runs_as_a_numbered_user(file: str, target: str) -> None:
    """Kubernetes can tell only from a number that a user is not root."""
    steps = [step for stage in whole(file, target) for step in stage.steps]
    assert [text for word, text in steps if word == "USER"] == ["10001:10001"]
    after = steps[steps.index(("USER", "10001:10001")) + 1 :]
    assert "RUN" not in {word for word, _ in after}


@every_image
def test_image_says_what_it_is(file: str, target: str) -> None:
    """OCI's labels, with the version of pyproject.toml."""
    labels = dict(
        word.split("=", 1)
        for stage in whole(file, target)
        for text in stage.texts("LABEL")
        for word in shlex.split(text)
    )
    assert set(labels) == {f"org.opencontainers.image.{title}" for title in TITLES}
    assert labels["org.opencontainers.image.title"] == f"slipway-{target}"
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert labels["org.opencontainers.image.licenses"] == project["license"]
    arguments = [text for stage in whole(file, target) for text in stage.texts("ARG")]
    assert f"VERSION={project['version']}" in arguments


@every_image
def test_what_is_copied_is_there(file: str, target: str) -> None:
    """Every source is in the repository, and `.dockerignore` does not exclude it."""
    del target
    for stage in STAGES[file].values():
        for source in copied(stage):
            assert (PROJECT / source).exists(), source
            assert not is_ignored(source), source


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("include/slipway/cli/run.py", False),
        ("include/slipway/cli/__pycache__/stages.cpython-311.pyc", True),
        ("include/.env", True),
        ("requirements/sbom/server.cdx.json", False),
        (".git/config", True),
        (".slipway/store/x", True),
        ("tests/conftest.py", True),
        ("docker/.env", True),
        (".venv/pyvenv.cfg", True),
    ],
)
def test_the_builds_context_holds_the_code_only(path: str, ignored: bool) -> None:  # noqa: FBT001
    """No state, history, tests or secrets are sent to the engine."""
    assert is_ignored(path) is ignored


def test_packages_come_from_locks_with_hashes() -> None:
    """Each lock file exists, and no package outside it is installed."""
    installs = [
        part
        for text in every_step("RUN")
        for part in re.split(r"&&|;", text)
        if re.search(r"\bpip\b.*\binstall\b", part)
    ]
    assert len(installs) == 8
    for command in installs:
        words = shlex.split(command)
        assert {"--require-hashes", "--no-deps", "--only-binary", "--no-cache-dir"} <= set(words)
        lock = words[words.index("-r") + 1].removeprefix("/requirements/")
        assert (PROJECT / "requirements" / lock).is_file()
        assert not [word for word in words if "index" in word or "://" in word]


def test_nothing_is_fetched_past_the_locks() -> None:
    """No ADD, no download piped into a shell, no distribution package."""
    assert every_step("ADD") == []
    for text in every_step("RUN"):
        assert not re.search(r"\b(curl|wget|git|apt|apt-get|sudo)\b", text)
        assert not re.search(r"\|\s*(ba)?sh\b", text)


def test_no_secret_becomes_part_of_a_layer() -> None:
    """A private index's credentials are mounted while pip runs, and are no argument or variable."""
    for text in every_step("RUN"):
        mounted = "--mount=type=secret,id=pip,target=/etc/pip.conf" in text
        assert mounted == ("--require-hashes" in text)
    named = " ".join([*every_step("ENV"), *every_step("ARG"), *every_step("LABEL")])
    assert not re.search(r"passw|secret|token|access_key|credential", named, re.IGNORECASE)


@every_image
def test_image_needs_no_writable_root(file: str, target: str) -> None:
    """Written files are below /tmp or on a volume, and bytecode is compiled at the build."""
    found = variables(STAGES[file], target)
    assert found["HOME"] == TMP
    writable = [found[name] for name in ("SLIPWAY_SCRATCH", "AIRFLOW_HOME") if name in found]
    made = " ".join(text for stage in whole(file, target) for text in stage.texts("RUN"))
    assert all(folder.startswith("/var/") and folder in made for folder in writable)
    assert [text for stage in whole(file, target) for text in stage.texts("WORKDIR")] == [TMP]
    # The base image has its standard library without bytecode.
    assert "compileall -q -x" in made
    if target != "mlflow":
        assert "chmod 1777 /var/slipway/*" in made
        assert any("compileall" in text for text in STAGES[file]["code"].texts("RUN"))


def test_the_bases_standard_library_is_compiled(tmp_path: Path) -> None:
    """All but tests, some of which are invalid on purpose, and pip, which never runs."""
    [command] = {text for text in every_step("RUN") if "compileall -q -x" in text}
    for path in ("os.py", "json/decoder.py", "test/bad.py", "site-packages/pip/main.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x = (" if "bad" in path else "x = 1")
    found = re.search(r'"\$\((.*)\)"$', command)
    assert found
    process = subprocess.run(
        ["/bin/sh", "-c", found[1].replace("python", sys.executable, 1)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(process.stdout.strip()) == Path(os.__file__).parent
    words = shlex.split(command.replace(found[0], str(tmp_path)))
    subprocess.run([sys.executable, *words[1:]], check=True)
    compiled = {file.name.partition(".")[0] for file in tmp_path.rglob("*.pyc")}
    assert compiled == {"os", "decoder"}


@every_image
def test_telemetry_is_off_in_every_image(file: str, target: str) -> None:
    """Each library in an image's lock that sends telemetry has it turned off."""
    quiet = {
        "onnxruntime": "ORT_DISABLE_TELEMETRY",
        "mlflow": "MLFLOW_DISABLE_TELEMETRY",
        "evidently": "DO_NOT_TRACK",
        "great-expectations": "GX_ANALYTICS_ENABLED",
    }
    locks = re.findall(
        r"-r /requirements/([\w-]+\.txt)",
        " ".join(text for stage in STAGES[file].values() for text in stage.texts("RUN")),
    )
    if file == "server":
        locks = {"shipper": ["shipper.txt"]}.get(target, ["server.txt"])
    text = "\n".join((PROJECT / "requirements" / lock).read_text() for lock in locks)
    found = variables(STAGES[file], target)
    held = {library for library in quiet if re.search(rf"^{library}==", text, re.MULTILINE)}
    assert {quiet[library] for library in held} <= set(found)


@every_image
def test_image_holds_its_bill_of_materials(file: str, target: str) -> None:
    """A scanner finds it in the image; training copies it to its model version."""
    wanted = {
        "server": {"server"},
        "shipper": {"shipper"},
        "platform": {"server", "shipper"},
        "mlflow": {"mlflow"},
        "stages": {"stages", "server"},
        "airflow": {"airflow", "stages", "server"},
        "integration": {"stages", "server"},
    }[target]
    reached = whole(file, target)
    if not any("sbom" in source for stage in reached for source in copied(stage)):
        reached = [STAGES[file]["code"]]
    bills = {
        Path(source).name.partition(".")[0]
        for stage in reached
        for source in copied(stage)
        if "sbom" in source
    }
    assert bills == wanted


def test_the_command_of_an_image_is_the_command_of_a_checkout(tmp_path: Path) -> None:
    """The program that the build writes with printf starts `slipway`."""
    texts = {text for text in every_step("RUN") if "printf" in text}
    assert len(texts) == 1
    script = texts.pop().replace("/opt/venv", str(tmp_path)).partition("&& ")[2]
    (tmp_path / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    subprocess.run(["/bin/sh", "-ec", script], check=True)
    program = (tmp_path / "bin" / "slipway").read_text()
    assert [type(line).__name__ for line in ast.parse(program).body] == ["ImportFrom", "Expr"]
    body = program.partition("\n")[2]
    command = [sys.executable, "-c", body, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("slipway, version")
    [path] = (tmp_path / "lib" / "python3.11" / "site-packages").glob("*.pth")
    assert path.read_text() == "/opt/slipway/include\n"


def test_only_tests_are_pruned(tmp_path: Path) -> None:
    """A package whose `tests` is its purpose keeps it; so does one that is not named."""
    for folder in ("pandas/tests/io/tests", "scipy/stats/tests", "evidently/tests", "own/tests"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pandas" / "testing").mkdir()
    found = PRUNE["tests_in"](tmp_path)
    assert [str(one.relative_to(tmp_path)) for one in found] == [
        "pandas/tests",
        "scipy/stats/tests",
    ]


def test_a_file_that_two_packages_bring_counts_once(tmp_path: Path) -> None:
    """So does bytecode that a package lists among its files, as with pip."""
    packages = tmp_path / "site-packages"
    (packages / "shared" / "__pycache__").mkdir(parents=True)
    (packages / "shared" / "one.py").write_bytes(b"#" * 100)
    compiled = Path("shared", "__pycache__", "one.cpython-311.pyc")
    (packages / compiled).write_bytes(b"#" * 10)
    for name in ("slim", "whole"):
        folder = packages / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (folder / "RECORD").write_text(f"shared/one.py,,\n{compiled},,\n")
    sizes = SIZES["sizes_in"](packages)
    assert [(one.name, one.files, one.bytecode) for one in sizes] == [
        ("slim", 100, 10),
        ("whole", 0, 0),
    ]


def test_servers_packages_are_small() -> None:
    """Their size in the image: with bytecode, without the packages' own tests."""
    lock = (PROJECT / "requirements" / "server.txt").read_text()
    names = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    packages = Path(sysconfig.get_path("purelib"))
    plain = SIZES["plain"]
    sizes = [one for one in SIZES["sizes_in"](packages) if plain(one.name) in names]
    assert len(sizes) > 30
    assert SIZES["together"]("server", sizes).in_image < SERVER_MB * SIZES["MB"]
