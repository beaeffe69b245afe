"""The order of events, what must hold for the whole chat, and what is kept of it."""
