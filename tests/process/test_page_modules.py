"""The page's modules without a browser: `tests/page` in Node."""

from __future__ import annotations

import shutil
import subprocess

from tests.support.processes import CHECKOUT, PATIENCE


def test_the_page_s_modules_do_what_they_promise(tmp_path):
    shutil.copytree(CHECKOUT / "tests" / "page", tmp_path, dirs_exist_ok=True)
    shutil.copytree(CHECKOUT / "twisted_chat" / "doors" / "web" / "page", tmp_path / "page")
    # Without it Node takes them for modules of another kind.
    (tmp_path / "package.json").write_text('{"type": "module"}')
    ended = subprocess.run(
        ["node", "--test", "--test-reporter=spec"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "pass 0" not in ended.stdout
