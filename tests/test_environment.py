"""The files that say what to install agree: pyproject.toml, environment.yml and the two locks."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.test_floors import OUTSIDE

HERE = Path(__file__).parent.parent
PROJECT = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((HERE / "environment.yml").read_text(encoding="utf-8"))
LAB_LOCK = (HERE / "requirements.lock").read_text(encoding="utf-8")
TEST_LOCK = (HERE / "requirements-test.lock").read_text(encoding="utf-8")
LOCKS = {"lab": LAB_LOCK, "test": TEST_LOCK}

# conda-forge's name -> the name on the package index.
CONDA_NAMES = {"matplotlib-base": "matplotlib"}
# What conda itself needs, which is no dependency of the package.
CONDA_ONLY = {"python", "pip"}
# How pip installs the course from its own folder.
COURSE = "-e ."
# The name that is imported -> the package that brings it, where the two differ.
IMPORT_NAMES = {"IPython": "ipython", "PIL": "pillow", "hdrh": "hdrhistogram", "yaml": "pyyaml"}


def requirements(*extras: str) -> dict[str, Requirement]:
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return {canonicalize_name(one.name): one for one in map(Requirement, lines)}


def conda_packages() -> dict[str, SpecifierSet]:
    """Read environment.yml's packages as {name on the package index: range}."""
    found = {}
    for line in [*from_conda(), *by_pip()]:
        name, spec = re.fullmatch(r"([\w.-]+?)\s*((?:[=<>!~].*)?)", line).groups()
        found[CONDA_NAMES.get(name, name)] = SpecifierSet(re.sub(r"^=(?!=)(.*)", r"==\1.*", spec))
    return found


def from_conda() -> list[str]:
    return [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]


def by_pip() -> list[str]:
    """List the packages that conda-forge does not have, without the course itself."""
    (nested,) = (line for line in ENVIRONMENT["dependencies"] if not isinstance(line, str))
    return [line for line in nested["pip"] if line != COURSE]


def locked(lock: str) -> dict[str, Version]:
    pins = re.findall(r"^([\w.-]+)==(\S+)", lock, flags=re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in pins}


def test_conda_has_the_packages_without_a_marker():
    """A package with a marker comes through `-e .`: environment.yml knows no markers."""
    everywhere = {name for name, one in requirements().items() if one.marker is None}
    assert set(conda_packages()) - CONDA_ONLY == everywhere


def test_conda_installs_the_course_itself():
    assert ENVIRONMENT["dependencies"][-1]["pip"][-1] == COURSE


@pytest.mark.parametrize("name", sorted(set(conda_packages()) - CONDA_ONLY))
def test_conda_asks_for_the_same_range(name):
    assert conda_packages()[name] == requirements()[name].specifier


def test_conda_takes_a_python_that_the_project_supports():
    (spec,) = conda_packages()["python"]
    assert SpecifierSet(PROJECT["requires-python"]).contains(spec.version.removesuffix(".*"))


def test_binder_can_read_the_python_version():
    assert any(re.fullmatch(r"python=3\.\d+", str(one)) for one in ENVIRONMENT["dependencies"])
    assert (ENVIRONMENT["name"], ENVIRONMENT["channels"]) == ("sockets-lab", ["conda-forge"])


@pytest.mark.parametrize("name", sorted(requirements("build")))
def test_make_lab_installs_a_version_that_the_project_and_conda_allow(name):
    version = locked(LAB_LOCK)[name]
    assert version in requirements("build")[name].specifier
    assert version in conda_packages().get(name, SpecifierSet())


@pytest.mark.parametrize("name", sorted({*requirements("test", "peers")} - {*requirements()}))
def test_make_test_adds_a_version_that_the_project_allows(name):
    version = (locked(TEST_LOCK) | locked(LAB_LOCK))[name]
    assert version in requirements("test", "peers")[name].specifier


def test_the_locks_share_no_package():
    assert locked(LAB_LOCK).keys() & locked(TEST_LOCK).keys() == set()


@pytest.mark.parametrize("name", ["mypy", "nbval", "playwright", "pytest", "trio", "uvloop"])
def test_a_learner_installs_no_test_tool(name):
    assert name in locked(TEST_LOCK)
    assert name not in locked(LAB_LOCK)


def test_the_lock_leaves_out_what_only_slows_the_start():
    """See pyproject.toml, [tool.uv]; JupyterLab and pytest start seconds sooner without it."""
    markers = re.findall(r"^rfc3987-syntax==\S+ ; (.*) \\$", LAB_LOCK, flags=re.MULTILINE)
    assert markers == ["sys_platform == 'never'"]


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_every_locked_version_has_a_hash(lock):
    entries = [entry for entry in re.split(r"\n(?=\w)", lock) if "==" in entry.split("\n")[0]]
    assert len(entries) == len(locked(lock))
    assert [one.split()[0] for one in entries if "--hash=sha256:" not in one] == []


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_the_locks_name_no_address_index_or_path(lock):
    address = re.compile(r"://|--(extra-)?index|--find|\s/")
    assert [line for line in lock.splitlines() if address.search(line)] == []


def test_every_package_that_the_code_imports_is_a_dependency():
    imported = {IMPORT_NAMES.get(name, name) for names in OUTSIDE.values() for name in names}
    assert imported - set(requirements("peers")) == set()


def test_every_package_has_its_reason():
    text = (HERE / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.findall(r'^    "[\w-]+>=.*$', text, flags=re.MULTILINE)
    assert len(lines) >= len(requirements("test", "peers", "build"))
    assert [line for line in lines if "#" not in line] == []


def test_this_python_is_supported():
    assert SpecifierSet(PROJECT["requires-python"]).contains("{}.{}.{}".format(*sys.version_info))
