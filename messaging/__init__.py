"""Conversations between people: direct, in groups, and about an application; messages, the chat socket.

A message is a row first, numbered in its conversation under a lock, and an event; the sockets are told by a
projection of that event. REST and sockets call the same `services`. May import `documents` and everything
below it. Start reading at `models/conversations`, then `services/messages`, then `consumers`;
docs/messaging.md has the rules of who writes to whom.
"""
