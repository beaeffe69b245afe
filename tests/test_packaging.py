"""The packages: the plugin is found in each kind of install, and nothing foreign is in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.processes import CHECKOUT, Process
from twisted_chat import __version__

FIND_PLUGIN = (
    "import twisted_chat; print(twisted_chat.__file__);"
    "from twisted.application.service import IServiceMaker;"
    "from twisted.plugin import getPlugins;"
    "print([p.tapname for p in getPlugins(IServiceMaker)])"
)


def build(hook: str, source: Path, target: Path) -> Path:
    """Run a hook of the build backend in `source`; what it made in `target`."""
    code = f"import setuptools.build_meta as b, sys; b.{hook}(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", code, target], cwd=source, check=True, capture_output=True
    )
    [made] = target.iterdir()
    return made


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> dict[str, Path]:
    """The checkout's files, the sdist made of them, and the wheel made of the sdist."""
    base = tmp_path_factory.mktemp("packages")
    checkout = base / "checkout"
    listing = ["git", "ls-files", "-co", "--exclude-standard"]
    files = subprocess.run(listing, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    for name in files.stdout.splitlines():
        if (CHECKOUT / name).exists():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, checkout / name)
    (base / "sdist").mkdir()
    sdist = build("build_sdist", checkout, base / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(base / "unpacked", filter="data")
    [unpacked] = (base / "unpacked").iterdir()
    (base / "wheel").mkdir()
    wheel = build("build_wheel", unpacked, base / "wheel")
    return {"editable": checkout, "sdist": sdist, "wheel": wheel}


def install(where: Path, *what: object) -> Path:
    """A virtual environment in `where` with `what`, and all else as here; its bin folder."""
    venv.create(where, with_pip=False, symlinks=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    here = sysconfig.get_paths()["purelib"]
    (where / "lib" / version / "site-packages" / "here.pth").write_text(f"{here}\n")
    python = where / "bin" / "python"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    pip = [sys.executable, "-m", "pip", "--python", python, "install", *options]
    subprocess.run([*pip, *map(str, what)], check=True, capture_output=True)
    return where / "bin"


@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable"])
def test_an_installed_daemon_is_found_by_twistd_and_starts(packages, tmp_path, start, kind):
    package = packages[kind]
    what = ["--editable", package] if kind == "editable" else [package]
    bin_ = install(tmp_path / "venv", *what)
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    found = subprocess.run(
        [bin_ / "python", "-c", FIND_PLUGIN],
        cwd=tmp_path,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    home = package if kind == "editable" else tmp_path / "venv"
    assert Path(found[0]).is_relative_to(home)
    assert "'chat'" in found[1]
    assert (bin_ / "chat-client").exists()
    assert (bin_ / "chat-server").exists()
    run = "from twisted.scripts.twistd import run; run()"
    daemon: Process = start(
        [bin_ / "python", "-c", run, "-n", "--pidfile=", "chat", "--port=0"],
        cwd=tmp_path,
        env={"PYTHONPATH": ""},
    )
    daemon.out.find("Chat Server started on port")


def test_the_wheel_holds_the_plugin_and_nothing_of_twisted_s_own(packages):
    names = zipfile.ZipFile(packages["wheel"]).namelist()
    assert "twisted/plugins/chat_plugin.py" in names
    assert "twisted_chat/py.typed" in names
    assert "twisted/__init__.py" not in names
    assert "twisted/plugins/__init__.py" not in names
    assert not [name for name in names if name.startswith(("tests", "bench"))]
    assert packages["wheel"].name.startswith(f"twisted_chat-{__version__}-")


def test_the_sdist_holds_the_tests_and_the_documents(packages):
    with tarfile.open(packages["sdist"]) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "tests/test_room.py", "tests/processes.py"} <= names
    assert {".ci/run", "docs/protocol.md"} <= names
