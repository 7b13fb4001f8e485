"""Writing conversations, members and messages."""
