"""The Terraform module: formatted, valid, documented, and with our accounts and images.

`terraform validate` needs the provider of AWS, so it runs where Terraform can get it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
MODULE = PROJECT / "docker" / "terraform" / "aws"
ACCOUNTS = PROJECT / "docker" / "kubernetes" / "base"
BLOCK = r'^{kind} "(\w+)" {{\n(.*?)^}}'

needs_terraform = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="terraform is not installed"
)


def blocks(kind: str) -> dict[str, str]:
    """Blocks of one kind, by their name."""
    text = "\n".join(file.read_text() for file in sorted(MODULE.glob("*.tf")))
    return dict(re.findall(BLOCK.format(kind=kind), text, re.MULTILINE | re.DOTALL))


def terraform(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Output of a Terraform command."""
    return subprocess.run(
        ["terraform", *words],  # noqa: S607
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@needs_terraform
def test_the_module_is_formatted() -> None:
    """Terraform parses every file and would not change it."""
    done = terraform("fmt", "-check", "-diff", "-recursive", ".", folder=MODULE)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_terraform
def test_the_module_is_valid(tmp_path: Path) -> None:
    """The provider accepts every argument and reference."""
    for file in MODULE.glob("*.tf"):
        shutil.copy(file, tmp_path)
    begun = terraform("init", "-backend=false", "-input=false", folder=tmp_path)
    if begun.returncode != 0:
        pytest.skip("the provider of AWS cannot be had here: the module is not validated")
    done = terraform("validate", "-no-color", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_everything_is_described(kind: str) -> None:
    """Each variable and output has a description; each variable has a type."""
    for name, body in blocks(kind).items():
        assert re.search(r'^  description = "\S.*"$', body, re.MULTILINE), name
        assert kind == "output" or re.search(r"^  type +=", body, re.MULTILINE), name


def test_every_variable_is_used() -> None:
    """Each variable is read."""
    text = "\n".join(file.read_text() for file in MODULE.glob("*.tf"))
    assert [name for name in blocks("variable") if f"var.{name}" not in text] == []


def test_roles_are_those_of_the_service_accounts() -> None:
    """Each service account of the cluster has a role, and every role has its account."""
    text = (MODULE / "roles.tf").read_text()
    roles = re.search(r"^  roles = \{\n(.*?)^  \}", text, re.MULTILINE | re.DOTALL)
    assert roles is not None
    named = set(re.findall(r"^    (slipway-\w+) +=", roles[1], re.MULTILINE))
    accounts = {
        document["metadata"]["name"]
        for file in ACCOUNTS.rglob("*.yaml")
        for document in yaml.safe_load_all(file.read_text())
        if document["kind"] == "ServiceAccount"
    }
    assert named == accounts


def test_a_server_may_only_add_to_its_log() -> None:
    """The servers' account can neither read, nor delete, nor list."""
    text = (MODULE / "roles.tf").read_text()
    server = re.search(r"^    slipway-server = \{\n(.*?)^    \}", text, re.MULTILINE | re.DOTALL)
    assert server is not None
    assert re.findall(r"s3:\w+", server[1]) == ["s3:PutObject", "s3:AbortMultipartUpload"]
    assert re.search(r"lists += false", server[1])
    assert re.findall(r"store}/(\w+)/", server[1]) == ["predictions", "probes"]


def test_the_bucket_is_kept_closed() -> None:
    """It is versioned, encrypted, private, TLS only, and protected from deletion."""
    text = (MODULE / "bucket.tf").read_text()
    for part in (
        'status = "Enabled"',
        "aws_s3_bucket_server_side_encryption_configuration",
        "block_public_acls       = true",
        "block_public_policy     = true",
        "ignore_public_acls      = true",
        "restrict_public_buckets = true",
        "aws:SecureTransport",
        "prevent_destroy = true",
    ):
        assert part in text


def test_images_have_repositories_whose_tags_stay() -> None:
    """Each deployed image has a repository, scanned on push, with immutable tags."""
    text = (MODULE / "images.tf").read_text()
    assert 'image_tag_mutability = "IMMUTABLE"' in text
    assert "scan_on_push = true" in text
    names = re.search(r"default +=(.*)", blocks("variable")["images"])
    assert names is not None
    images = {file.stem for file in (PROJECT / "docker").glob("*.Dockerfile")}
    assert set(re.findall(r"\w+", names[1])) == images - {"integration"} | {"shipper"}
