"""Views: `auth` (logins and passwords), `sessions`, `profile`, `accounts` and `api_keys` (administration)."""
