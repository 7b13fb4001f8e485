"""What people are told, and how: in-app notifications and their socket, preferences, mail, reminders, alerts.

Notifications and mail are made from events by the dispatcher (`projections`). Notifications are numbered per
user without gaps and pushed to the user's sockets; mail is owed as rows, which `mail` sends. May import
`users`, `events` and `crm_backend.common`. Start reading at `projections`, then `mail` and `consumers`.
"""
