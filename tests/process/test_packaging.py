"""What is packed, and that twistd finds the plugin however it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import CHECKOUT

VERSION = "98.7.6"
"""The version that is built here: what bears it comes from our build and from nowhere else."""

HERE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(command, directory):
    """The standard output of a command that has to end well."""
    process = subprocess.run(command, cwd=directory, env=HERE, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def python(interpreter, code, directory):
    """What `code` prints."""
    return run([interpreter, "-c", code], directory)


@dataclass
class Built:
    """A source tree, and what was built of it: the sdist of the tree, the wheel of the sdist."""

    tree: Path
    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A copy of the checkout with a version of its own, built."""
    top = tmp_path_factory.mktemp("built")
    tree = top / "tree"
    # Whoever's the checkout is.
    git = ["git", "-c", f"safe.directory={CHECKOUT}"]
    files = run([*git, "ls-files", "-z", "-co", "--exclude-standard"], CHECKOUT).split("\0")
    for name in filter(None, files):
        if (CHECKOUT / name).exists():  # git lists what was deleted and not committed, too.
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, tree / name)
    module = tree / "twisted_chat" / "__init__.py"
    module.write_text(re.sub('"[0-9.]+"', f'"{VERSION}"', module.read_text()))

    def build(what, source):
        code = f"from setuptools import build_meta; print(build_meta.build_{what}({str(top)!r}))"
        return top / python(sys.executable, code, source).splitlines()[-1]

    sdist = build("sdist", tree)
    with tarfile.open(sdist) as archive:
        archive.extractall(top / "unpacked", filter="data")
    [unpacked] = (top / "unpacked").iterdir()
    return Built(tree, sdist, build("wheel", unpacked))


@dataclass
class Environment:
    """A virtual environment of its own; Twisted and the rest are lent by the running one.

    `source`: where the code of the chat has to come from.
    """

    directory: Path
    source: Path

    @property
    def python(self):
        return self.directory / "bin" / "python"

    def pip(self, command, *arguments):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.python]
        run([*pip, command, *arguments], self.directory)

    def install(self, *what):
        # Not to be taken for what the running environment has.
        options = ["--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
        self.pip("install", *options, *what)


def make_environment(directory):
    run([sys.executable, "-m", "venv", "--without-pip", directory], Path.cwd())
    # What it adds is not searched for .pth files: no editable install there is seen here.
    [packages] = directory.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return Environment(directory, directory)


@pytest.fixture(scope="module", params=["wheel", "sdist", "editable"])
def installed(request, built, tmp_path_factory):
    """An environment in which the chat is installed."""
    environment = make_environment(tmp_path_factory.mktemp(request.param) / "venv")
    if request.param == "editable":
        environment.install("--editable", built.tree)
        environment.source = built.tree
    else:
        environment.install(getattr(built, request.param))
    return environment


def modules(tree, package):
    """The paths of the modules of `package`, as they stand in `tree`."""
    return {str(path.relative_to(tree)) for path in (tree / package).rglob("*.py")}


def files_of_the_page(tree):
    """The paths of what a browser loads, as they stand in `tree`."""
    page = tree / "twisted_chat" / "doors" / "web" / "page"
    return {str(path.relative_to(tree)) for path in page.iterdir()}


def test_the_sdist_holds_the_tests_and_the_readme(built):
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert modules(built.tree, "tests") | files_of_the_page(built.tree) <= names
    assert {
        "README.md",
        "LICENSE",
        "setup.cfg",
        "pyproject.toml",
        "twisted/plugins/chat_plugin.py",
        "twisted_chat/common_passphrases.txt",
        "twisted_chat/py.typed",
        "twisted_chat/identifier_status.txt",
        "tools/identifier_status.py",
    } <= names
    assert not [name for name in names if name.endswith((".pyc", "dropin.cache"))]


def test_the_wheel_holds_the_package_and_the_plugin_and_nothing_of_twisted_itself(built):
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == {
        *modules(built.tree, "twisted_chat"),
        *files_of_the_page(built.tree),
        "twisted_chat/common_passphrases.txt",
        "twisted_chat/py.typed",
        "twisted_chat/identifier_status.txt",
        "twisted/plugins/chat_plugin.py",
    }


def test_the_version_comes_from_the_tree(built):
    assert built.sdist.name == f"twisted_chat-{VERSION}.tar.gz"
    assert built.wheel.name == f"twisted_chat-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(built.wheel) as archive:
        metadata = archive.read(f"twisted_chat-{VERSION}.dist-info/METADATA").decode()
    assert f"\nVersion: {VERSION}\n" in metadata
    assert "\nRequires-Dist: Twisted[tls]>=26.10\n" in metadata
    assert "\nRequires-Python: >=3.10\n" in metadata


def test_twistd_finds_the_plugin_of_this_installation(installed, tmp_path):
    code = """if True:
        from twisted.application.service import IServiceMaker
        from twisted.plugin import getPlugins
        for maker in getPlugins(IServiceMaker):
            if maker.tapname == "chat":
                import twisted.plugins.chat_plugin, twisted_chat.tap
                print(maker.module, twisted_chat.__version__)
                print(twisted_chat.__file__)
                print(twisted.plugins.chat_plugin.__file__)
        """
    [what, package, plugin] = python(installed.python, code, tmp_path).splitlines()
    assert what == f"twisted_chat.tap {VERSION}"
    assert Path(package).is_relative_to(installed.source)
    assert Path(plugin).is_relative_to(installed.source)


RUN_TWISTD = "from twisted.scripts.twistd import run; run()"


def commands_of_twistd(environment, directory):
    text = run([environment.python, "-c", RUN_TWISTD, "--help"], directory)
    return re.findall(r"^    (\S+) +\S", text, re.MULTILINE)


def test_twistd_lists_and_starts_it_outside_the_checkout(installed, start_daemon, tmp_path):
    assert "chat" in commands_of_twistd(installed, tmp_path)
    program = [installed.python, "-c", RUN_TWISTD, "-n", "--pidfile=", "chat"]
    daemon = start_daemon(program=program, cwd=tmp_path, env={"PYTHONPATH": ""})
    assert daemon.join().line() == "> Connected to the chat server (1 user online)"


def test_names_of_all_scripts_are_judged_as_in_the_checkout(installed, tmp_path):
    code = (
        "from twisted_chat.names import check_name; print(ascii(check_name('\u0e19\u0e49\u0e33')))"
    )
    assert python(installed.python, code, tmp_path).strip() == ascii("\u0e19\u0e49\u0e33")


def test_the_scripts_talk_to_each_other(installed, start_daemon, start, tmp_path):
    bin = installed.directory / "bin"
    options = {"cwd": tmp_path, "env": {"PYTHONPATH": ""}}
    daemon = start_daemon("--port=0", program=[bin / "chat-server"], **options)
    client = start([bin / "chat-client", "127.0.0.1", str(daemon.port)], **options)
    client.write(b"hello\n")
    client.end_input()
    daemon.out.find("hello")
    assert client.wait() == 0


def test_the_plugin_costs_other_users_of_twistd_nothing(installed, tmp_path):
    code = "import sys, twisted.plugins.chat_plugin; print(*sys.modules)"
    assert "twisted_chat" not in python(installed.python, code, tmp_path)


def test_uninstalling_it_leaves_twisted_as_it_was(built, tmp_path):
    environment = make_environment(tmp_path / "venv")
    before = commands_of_twistd(environment, tmp_path)
    assert "web" in before
    assert "chat" not in before
    environment.install(built.wheel)
    assert set(commands_of_twistd(environment, tmp_path)) == {*before, "chat"}
    environment.pip("uninstall", "--yes", "twisted-chat")
    assert commands_of_twistd(environment, tmp_path) == before
