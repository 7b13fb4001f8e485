"""What happened: the log, the registry of event types, and the dispatcher.

Every change is written once, in one transaction with the `Event` row that says so (`services.emit`).
Everything else (notifications, socket messages, later webhooks and rollups) is derived from that row
by the dispatcher, at least once and in a way that repeating it changes nothing.

May import `crm_backend.common` only. Start reading at `registry`, then `services`, then `dispatcher`.
"""
