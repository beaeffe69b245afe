"""Writes events for those who read them, and reads them back for clients."""

from __future__ import annotations

from collections.abc import Mapping

from twisted_chat.dialects.json_lines import ControlDialect, JsonDialect, from_json, record
from twisted_chat.dialects.line import LineDialect, line_of, parse, users
from twisted_chat.interfaces import IDialect

FORMATS: Mapping[str, IDialect] = {"line": LineDialect(), "json": JsonDialect()}
"""The dialects of the line door. Members that share one read the same bytes, written once."""

__all__ = [
    "FORMATS",
    "ControlDialect",
    "JsonDialect",
    "LineDialect",
    "from_json",
    "line_of",
    "parse",
    "record",
    "users",
]
