"""Views: `auth` (logins and passwords), `profile`, `accounts` (administration)."""
