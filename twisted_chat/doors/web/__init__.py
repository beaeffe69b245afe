"""The web door: HTTP, and a WebSocket at /-/ws."""
