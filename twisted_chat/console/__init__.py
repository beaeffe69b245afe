"""What `chat-client` shows and takes, on a terminal and on a pipe."""
