"""Makes twisted_chat/identifier_status.txt from files of Unicode: name them on the command line.

They are https://www.unicode.org/Public/security/16.0.0/IdentifierStatus.txt and
https://www.unicode.org/Public/17.0.0/security/IdentifierStatus.txt. A character is allowed if one
of them allows it: 17.0 is the first with letters of Hausa, Ewe and Akan, but it leaves out
ideographs that stand in surnames of Japan and China. After a change run
tests/unit/test_look_alikes.py.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

MADE = Path(__file__).parent.parent / "twisted_chat" / "identifier_status.txt"

_LICENCE = """\
Copyright © 1991-2025 Unicode, Inc.

Permission is hereby granted, free of charge, to any person obtaining a
copy of data files and any associated documentation (the "Data Files") or
software and any associated documentation (the "Software") to deal in the
Data Files or Software without restriction, including without limitation
the rights to use, copy, modify, merge, publish, distribute, and/or sell
copies of the Data Files or Software, and to permit persons to whom the
Data Files or Software are furnished to do so, provided that either (a)
this copyright and permission notice appear with all copies of the Data
Files or Software, or (b) this copyright and permission notice appear in
associated Documentation.

THE DATA FILES AND SOFTWARE ARE PROVIDED "AS IS", WITHOUT WARRANTY OF ANY
KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT OF
THIRD PARTY RIGHTS.

IN NO EVENT SHALL THE COPYRIGHT HOLDER OR HOLDERS INCLUDED IN THIS NOTICE
BE LIABLE FOR ANY CLAIM, OR ANY SPECIAL INDIRECT OR CONSEQUENTIAL DAMAGES,
OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS,
WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION,
ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THE DATA
FILES OR SOFTWARE.

Except as contained in this notice, the name of a copyright holder shall
not be used in advertising or otherwise to promote the sale, use or other
dealings in these Data Files or Software without prior written
authorization of the copyright holder.
"""


def made_of(sources: Sequence[str]) -> str:
    """Return the text of our file: the characters that one of `sources`, the texts of Unicode's
    files, allows. Raises ValueError if one of them has another form.
    """
    codes: set[int] = set()
    versions = []
    for source in sources:
        version, allowed = parsed(source)
        versions.append(version)
        codes |= allowed
    head = [
        f"What Identifier_Status (UTS 39) allows in Unicode {' or '.join(versions)}, as ranges of",
        "code points. Made of Unicode's IdentifierStatus.txt by tools/identifier_status.py: do not",
        "edit it. SPDX-License-Identifier: Unicode-3.0",
        "",
        *_LICENCE.splitlines(),
    ]
    return "\n".join([*(f"# {line}".rstrip() for line in head), *_lines(codes)]) + "\n"


def parsed(source: str) -> tuple[str, set[int]]:
    """Return the version of one of Unicode's files, and the code points that it allows.

    Raises ValueError if it has another form.
    """
    version = re.search(r"^# Version: ([0-9.]+)$", source, re.MULTILINE)
    total = re.search(r"^# Total code points: (\d+)$", source, re.MULTILINE)
    if version is None or total is None:
        raise ValueError("this is no IdentifierStatus.txt")
    allowed: set[int] = set()
    for line in source.splitlines():
        fields, _, _ = line.partition("#")
        if fields.strip():
            codes, status = map(str.strip, fields.split(";"))
            if status != "Allowed":
                raise ValueError(f"{status} is no status that is listed there")
            first, _, last = codes.partition("..")
            allowed.update(range(int(first, 16), int(last or first, 16) + 1))
    if len(allowed) != int(total[1]):
        raise ValueError("some lines are missing")
    return version[1], allowed


def _lines(codes: set[int]) -> list[str]:
    starts = sorted(code for code in codes if code - 1 not in codes)
    ends = sorted(code for code in codes if code + 1 not in codes)
    lines = [""]
    for start, end in zip(starts, ends, strict=True):
        word = f"{start:X}" if start == end else f"{start:X}-{end:X}"
        if len(lines[-1]) + len(word) >= 100:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


if __name__ == "__main__":
    texts = [Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]]
    MADE.write_text(made_of(texts), encoding="utf-8")
