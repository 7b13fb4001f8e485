"""Writes: `files` (bytes into the storage), `documents` (documents and versions), `notes`."""
