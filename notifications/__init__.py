"""What people are told: in-app notifications, the notification socket, preferences, account mail.

Notifications are made from events by the dispatcher (`projections`), numbered per user without gaps, and
pushed to the user's sockets. May import `users`, `events` and `crm_backend.common`. Start reading at
`projections`, then `consumers`.
"""
