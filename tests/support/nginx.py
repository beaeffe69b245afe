"""nginx as contrib/nginx.conf has it, in a network of its own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.processes import CHECKOUT, Process

EXAMPLE = CHECKOUT / "contrib" / "nginx.conf"

_AROUND = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{example}
}}
"""


def program() -> str:
    """Return where nginx is. Skips the test where there is none, but never in CI."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        assert "CI" not in os.environ, "there is no nginx"
        pytest.skip("there is no nginx here")
    return found


def daemon_options() -> Sequence[str]:
    """Return the options with which the example starts the daemon."""
    [command] = re.findall(r"^#   twistd -n chat (.*)$", EXAMPLE.read_text(), re.MULTILINE)
    return shlex.split(command)


def start_nginx(folder: Path, certificate: Path, around: Sequence[str]) -> Process:
    """Start nginx with the example, but with `certificate`, which holds its key. `around`: the
    command by which it gets into its network.
    """
    example = EXAMPLE.read_text()
    example, count = re.subn(r"/etc/letsencrypt/\S*\.pem", str(certificate), example)
    assert count == 2
    configuration = folder / "nginx.conf"
    configuration.write_text(_AROUND.format(folder=folder, example=example))
    process = Process([*around, program(), "-p", str(folder), "-c", str(configuration)])
    try:
        process.err.find("OS: ")  # It listens before it tells that.
    except AssertionError:
        process.close()
        raise
    return process
