"""What is raised where something that was asked is not done."""

from __future__ import annotations


class Refusal(Exception):
    """What was asked is not done: str() is why, and what to do. It is told to whoever asked."""
