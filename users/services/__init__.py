"""Everything that changes users: `accounts`, `sessions`, `passwords`, `api_keys`."""
