"""A chat daemon that anyone can join with what is already on their machine."""

__version__ = "0.2.0"
