"""Makes twisted_chat/common_passphrases.txt from the list of passwords in zxcvbn 4.5.0.

Install that first: `pip install --no-deps zxcvbn==4.5.0`. Its list has the 30,000 passwords that
are most frequent in leaked lists. Those that are too short for the chat anyway are left out.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from twisted_chat.limits import MIN_PASSPHRASE

MADE = Path(__file__).parent.parent / "twisted_chat" / "common_passphrases.txt"


def main() -> None:
    """Write MADE."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    licence = next(
        file.read_text()
        for file in importlib.metadata.files("zxcvbn") or ()
        if file.name == "LICENSE.txt"
    )
    common = sorted(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_PASSPHRASE)
    head = f"From the list of passwords of zxcvbn 4.5.0, under this licence:\n\n{licence.strip()}"
    lines = [*(f"# {line}".rstrip() for line in head.splitlines()), *common]
    MADE.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
