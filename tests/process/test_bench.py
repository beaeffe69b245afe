"""The benchmark still measures, our daemon and the C floor. No figure is judged."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from bench.loads import LOADS, measure
from bench.servers import compile_into, servers

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    compile_into(folder)
    return folder


@pytest.mark.parametrize("name", ["one-100", "open-100", "idle-10000", "storm-5000"])
@pytest.mark.parametrize("server_name", ["chat", "floor-join"])
def test_a_load_is_measured(name, server_name, folder):
    [load] = [load for load in LOADS if load.name == name]
    [server] = [server for server in servers() if server.name == server_name]
    if (name, server_name) == ("storm-5000", "floor-join"):
        pytest.skip("the floor announces nobody")
    load = replace(load, readers=100)
    assert measure(load, server, 1, folder, most_tries=1)[load.figure] > 0
