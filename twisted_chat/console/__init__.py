"""The parts of `chat-client` that show and take lines, on a terminal and on a pipe."""
