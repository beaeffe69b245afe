"""The `chat` subcommand of twistd and twist."""

from twisted.application.service import ServiceMaker

chat = ServiceMaker(
    "Chat", "twisted_chat.tap", "A chat room for nc, telnet and chat-client.", "chat"
)
