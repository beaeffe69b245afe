"""The benchmark still measures, our daemon and the C floor. No figure of them is judged."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from math import exp, sqrt

import pytest

from bench.compare import checkout, compare, mean_and_bound
from bench.loads import LOADS, NoFigure, measure
from bench.servers import HERE, compile_into, servers

# Never skipped in CI, which installs one.
pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None and "CI" not in os.environ, reason="there is no C compiler here"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    compile_into(folder)
    return folder


def load_of_100(name):
    [load] = [load for load in LOADS if load.name == name]
    return replace(load, readers=100)


def server_called(name):
    [server] = [server for server in servers() if server.name == name]
    return server


@pytest.mark.parametrize("name", ["one-100", "open-100", "idle-10000", "storm-5000"])
@pytest.mark.parametrize("server_name", ["chat", "floor-join"])
def test_a_load_is_measured(name, server_name, folder):
    if (name, server_name) == ("storm-5000", "floor-join"):
        pytest.skip("the floor announces nobody")
    load = load_of_100(name)
    assert measure(load, server_called(server_name), 1, folder, most_tries=1)[load.figure] > 0


@pytest.mark.parametrize("server_name", ["chat-web", "websockets", "ws", "chat-long"])
def test_frames_are_measured(server_name, folder):
    server = server_called(server_name)
    if not server.found():
        pytest.skip(f"{server_name} is not installed")
    figures = measure(load_of_100("pipelined-100"), server, 1, folder, most_tries=1)
    assert figures["rate"] > 0
    assert figures["bytes"] > 64


@pytest.mark.parametrize("server_name", ["chat", "floor-join", "floor-each", "redis", "nats"])
def test_small_rooms_are_measured(server_name, folder):
    server = server_called(server_name)
    if not server.found():
        pytest.skip(f"{server_name} is not installed")
    load = replace(load_of_100("rooms-1000"), rooms=10, lines=10)
    assert measure(load, server, 1, folder, most_tries=1)["rate"] > 0


@pytest.mark.parametrize("server_name", ["chat-tls", "ngircd-tls"])
@pytest.mark.parametrize("name", ["one-100", "open-100"])
def test_a_load_is_measured_over_tls(name, server_name, folder):
    server = server_called(server_name)
    if not server.found() or not (folder / "load-tls").exists():
        assert "CI" not in os.environ, "ngircd or libssl-dev is missing"
        pytest.skip("ngircd or libssl-dev is not installed")
    load = load_of_100(name)
    figures = measure(load, server, 1, folder, most_tries=1)
    assert figures[load.figure] > 0
    assert 64 < figures["bytes"] < 200


@pytest.mark.parametrize("name", ["idle-10000", "storm-5000", "all-500", "rooms-1000"])
def test_ours_is_measured_over_tls_under_each_load(name, folder):
    load = load_of_100(name)
    if load.rooms:
        load = replace(load, rooms=10, lines=10)
    assert measure(load, server_called("chat-tls"), 1, folder, most_tries=1)[load.figure] > 0


def test_a_server_without_rooms_has_no_figure_for_small_rooms(folder):
    """The load generator notices that lines come to connections for which they were not said."""
    server = replace(server_called("asyncio"), cannot={})
    load = replace(load_of_100("rooms-1000"), rooms=10, lines=10)
    with pytest.raises(NoFigure, match="a connection heard"):
        measure(load, server, 1, folder, most_tries=1)


def test_a_checkout_is_compared_with_itself(folder):
    table = compare([load_of_100("idle-10000")], checkout(str(HERE.parent)), 2, 1, 1, folder)
    row = table.splitlines()[-1].split(" | ")
    assert row[:2] == ["| 10,000 idle connections: KiB each", "2"]
    assert 0.5 < float(row[2].removesuffix(" x")) < 2


def test_only_a_folder_with_our_package_is_compared(tmp_path):
    with pytest.raises(ValueError, match=tmp_path.name):
        checkout(str(tmp_path))


@pytest.mark.parametrize(
    ("more_is_better", "bound"),
    [(False, 1.02 * exp(1.761 * 0.01 / sqrt(15))), (True, 1.02 * exp(-1.761 * 0.01 / sqrt(15)))],
)
def test_the_bound_is_on_the_side_of_the_loss(more_is_better, bound):
    deviation = 0.01 * sqrt(14 / 15)  # Of the 15 here, so that stdev gives 0.01.
    ratios = [1.02, *7 * [1.02 * exp(deviation)], *7 * [1.02 * exp(-deviation)]]
    expected = pytest.approx((1.02, bound), rel=1e-3)
    assert mean_and_bound(ratios, more_is_better) == expected
