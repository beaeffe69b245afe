"""What may import what: each module looks down, and nothing goes round in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from unittest import TestCase

import twisted_chat

PACKAGE = Path(twisted_chat.__file__).parent

LAYERS = {
    "values": """
        __init__ authorisation clocks descriptors endpoints events files gathering identifiers
        interfaces limits lines link names networks pem records refusal requests sockets spans
        syntax text tls usage
        """,
    "core": """
        accounts chat counting delivery dialects flood members passphrases retelling
        traces turn weakness welcome
        """,
    "journal": "journal",
    "commands": "commands",
    "doors": "doors",
    "daemon": "daemon tap",
    "client": "bridge chatctl client console server_lines",
}
"""The modules and packages of each layer. Whatever is not a folder below has its own name."""

MAY_IMPORT = {
    "values": set(),
    "core": {"values"},
    "journal": {"values", "core"},
    "commands": {"values", "core", "journal"},
    "doors": {"values", "core", "commands"},
    "daemon": {"values", "core", "journal", "commands", "doors"},
    # Help and completion show what the table of commands says.
    "client": {"values", "core", "commands"},
}
"""The layers that each may import besides itself."""


def modules() -> dict[str, Path]:
    """Return all modules of the package by name: `chat`, `journal.rooms`, `journal`."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name if name == "__init__" else name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported_by(path: Path) -> Iterator[str]:
    """Yield what the module at `path` imports of the package, also in functions and for types."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == PACKAGE.name:
                    yield alias.name.partition(".")[2] or "__init__"
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{path}: imports are absolute here")
        elif isinstance(node, ast.ImportFrom):
            package, _, name = (node.module or "").partition(".")
            if package == PACKAGE.name:
                for alias in node.names:
                    whole = f"{name}.{alias.name}".removeprefix(".")
                    yield whole if whole in MODULES else name or "__init__"


IMPORTS = {name: set(imported_by(path)) - {name} for name, path in MODULES.items()}


def layer_of(module: str) -> str:
    [layer] = [
        layer for layer, names in LAYERS.items() if module.partition(".")[0] in names.split()
    ]
    return layer


def circles() -> set[frozenset[str]]:
    """Return the sets of modules in which each is reached from each."""
    reached = {name: set(imports) for name, imports in IMPORTS.items()}
    for middle in MODULES:
        for name in MODULES:
            if middle in reached[name]:
                reached[name] |= reached[middle]
    return {
        frozenset(other for other in reached[name] if name in reached[other])
        for name in MODULES
        if name in reached[name]
    }


class LayerTests(TestCase):
    def test_each_module_is_of_one_layer(self) -> None:
        for module in MODULES:
            with self.subTest(module=module):
                self.assertIn(layer_of(module), MAY_IMPORT)

    def test_no_module_looks_up(self) -> None:
        upward = {
            (module, imported)
            for module, imports in IMPORTS.items()
            for imported in imports
            if layer_of(imported) not in {layer_of(module), *MAY_IMPORT[layer_of(module)]}
        }
        self.assertEqual(upward, set())

    def test_no_imports_go_round_in_a_circle(self) -> None:
        self.assertEqual(circles(), set())

    def test_what_everybody_needs_is_found_without_a_reactor(self) -> None:
        """The core is told which reactor there is, and so are the doors."""
        for name, path in MODULES.items():
            if layer_of(name) in ("values", "core", "journal", "commands", "doors"):
                with self.subTest(module=name):
                    self.assertNotIn("twisted.internet import reactor", path.read_text())
