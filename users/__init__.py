"""Users, roles, logins and sessions, passwords, profiles, API keys.

A login opens a `Session`; its refresh token rotates, and a reused one ends the session. Access tokens
name their session, so logging out, suspension and password changes take effect at once.

May import `events` and `crm_backend.common`. Start reading at `models`, `services/sessions`, `views`.
"""
