"""The installation's own pages: the index of the API, the page for people, and health."""
