"""Everything that changes users: `accounts`, `sessions`, `passwords`."""
