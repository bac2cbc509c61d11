"""The metadata of the two distributions, and the pinned lists of their requirements."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent.parent

LISTS = sorted((ROOT / "requirements").glob("*.txt"))


def project(folder: Path) -> dict[str, Any]:
    return dict(tomllib.loads((folder / "pyproject.toml").read_text())["project"])


WORKER, CLIENT = project(ROOT), project(ROOT / "client")


def test_worker_and_client_have_one_version() -> None:
    assert WORKER["version"] == CLIENT["version"]
    assert f"convertro-client=={CLIENT['version']}" in WORKER["dependencies"]


def test_the_changelog_begins_with_this_version() -> None:
    headings = [
        line.removeprefix("## ")
        for line in (ROOT / "CHANGELOG.md").read_text().splitlines()
        if line.startswith("## ") and line != "## [Unreleased]"
    ]
    assert headings[0] == f"[{WORKER['version']}]"


def test_the_client_needs_three_packages() -> None:
    needed = {Requirement(line).name for line in CLIENT["dependencies"]}
    assert needed == {"hiredis", "msgspec", "redis"}


def test_the_lowest_versions_are_those_that_the_client_names() -> None:
    tried = (ROOT / "requirements" / "client-lowest.txt").read_text()
    for line in CLIENT["dependencies"]:
        [least] = [bound.version for bound in Requirement(line).specifier if bound.operator == ">="]
        versions = [
            Requirement(pin.removesuffix(" \\"))
            for pin in tried.splitlines()
            if pin.startswith(Requirement(line).name) and "==" in pin
        ]
        assert any(pin.specifier.contains(least) for pin in versions), line


def test_both_have_the_same_licence() -> None:
    assert (ROOT / "client" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_pinned_package_has_hashes_and_no_list_names_an_index(path: Path) -> None:
    assert "://" not in path.read_text()
    entries = path.read_text().replace("\\\n", "").splitlines()
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
