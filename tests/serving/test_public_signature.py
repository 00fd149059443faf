"""OpenSSF's model-signing, unchanged and in its own environment, verifies a version."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from slipway.stages.model.signature import SIGNATURE, verify_folder
from tests.serving.clients import PYTHON, needs_clients
from tests.serving.model_versions import MODEL
from tests.support.keys import Keys

pytestmark = needs_clients


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the tool."""
    tool = PYTHON.with_name("model_signing")
    return subprocess.run([tool, *words], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def signed(versions: Path, tmp_path: Path) -> tuple[Path, Keys]:
    """The folder of a signed version, and its keys."""
    folder, keys = shutil.copytree(versions / "1", tmp_path / "version"), Keys.make(tmp_path)
    keys.sign(folder, MODEL)
    return folder, keys


def test_the_public_tool_verifies_what_slipway_signs(signed: tuple[Path, Keys]) -> None:
    """Every file of the version; one that is changed afterwards is told by its name."""
    folder, keys = signed
    words = ("verify", "key", folder, "--signature", folder / SIGNATURE)
    done = run(*words, "--public_key", keys.public)
    assert (done.returncode, "Verification succeeded" in done.stdout) == (0, True), done.stderr
    (folder / "MLmodel").write_text("changed")
    done = run(*words, "--public_key", keys.public)
    assert done.returncode != 0
    assert "MLmodel" in done.stdout + done.stderr


def test_slipway_reads_a_signature_of_the_public_tool(signed: tuple[Path, Keys]) -> None:
    """What it signs is a statement on the same files, by the name of the folder."""
    folder, keys = signed
    named = folder.rename(folder.with_name(MODEL))
    (named / SIGNATURE).unlink()
    done = run(
        *("sign", "key", named, "--signature", named / SIGNATURE),
        *("--private_key", keys.private),
    )
    assert done.returncode == 0, done.stderr
    verify_folder(named, keys.verifier, model=MODEL)
