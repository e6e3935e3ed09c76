"""No malicious or known vulnerable release is allowed by pyproject.toml or named in the lock.

`pip-audit` needs its advisory service. This list is checked offline: the releases that matter for the direct
dependencies, each with its advisory.
"""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
BAD_RELEASES = {  # package: releases that must not be installed
    "filelock": "<3.20.3",  # CVE-2025-68146, CVE-2026-22701: symlink races in lock files
    "gitpython": "<3.1.41",  # CVE-2024-22190: runs a git of the current folder on Windows
    "jinja2": "<3.1.6",  # CVE-2025-27516: sandbox escape
    "lightning": "==2.6.2,==2.6.3",  # malicious releases (pytorch-lightning issue 21691)
    "opencv-python": "<4.12",  # CVE-2025-53644: uninitialised pointer with a crafted JPEG
    "pillow": "<12.2",  # CVE-2026-25990 and later: out-of-bounds write with a crafted PSD, integer overflow in text
    "scikit-learn": "<1.5",  # CVE-2024-5206: stores training tokens
    "torch": "<2.6",  # CVE-2025-32434: code execution in torch.load with weights_only
    "tqdm": "<4.66.3",  # CVE-2024-34062: code execution by command line arguments
    "transformers": "<4.53",  # CVE-2025-6638 and others: regular expressions that take exponential time
    "ultralytics": "==8.3.41,==8.3.42,==8.3.45,==8.3.46",  # malicious releases (ultralytics issue 18027)
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = {requirement.name: requirement for requirement in map(Requirement, PROJECT["dependencies"])}
LOCKED = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE))


def is_bad(package: str, version: str) -> bool:
    return any(version in SpecifierSet(part, prereleases=True) for part in BAD_RELEASES[package].split(","))


def bad_versions(package: str) -> list[str]:
    """The named bad releases, or one just below the first good release."""
    versions = []
    for part in BAD_RELEASES[package].split(","):
        operator, version = part[: -len(part.lstrip("<="))], part.lstrip("<=")
        *head, last = map(int, version.split("."))
        lower = [*head, last - 1] if last else [*head[:-1], head[-1] - 1, 99]
        versions.append(".".join(map(str, lower)) if operator == "<" else version)
    return versions


@pytest.mark.parametrize("package", BAD_RELEASES)
def test_the_requirements_exclude_bad_releases(package):
    assert not [version for version in bad_versions(package) if REQUIREMENTS[package].specifier.contains(version)]


@pytest.mark.parametrize("package", BAD_RELEASES)
def test_the_lock_names_no_bad_release(package):
    assert not is_bad(package, LOCKED[package])


def test_the_list_recognises_bad_releases():
    assert is_bad("lightning", "2.6.3")
    assert not is_bad("lightning", "2.6.6")
    assert is_bad("filelock", "3.20.2")
    assert bad_versions("opencv-python") == ["4.11"]
