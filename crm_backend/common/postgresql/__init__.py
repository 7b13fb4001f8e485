"""Django's PostgreSQL backend, which looks at a connection before a request without asking the server."""
