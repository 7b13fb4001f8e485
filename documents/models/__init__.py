"""The rows of this app: `notes`, `files` (documents, their versions and stored files), `batches`."""

from documents.models.batches import Batch, BatchFile
from documents.models.files import Document, DocumentVersion, DocumentWords, StoredFile
from documents.models.notes import Note

__all__ = [
    "Batch",
    "BatchFile",
    "Document",
    "DocumentVersion",
    "DocumentWords",
    "Note",
    "StoredFile",
]
