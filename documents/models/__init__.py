"""The rows of this app: `notes`, `files` (documents, their versions and stored files), `batches`, `templates`
(of letters), `signing`.
"""

from documents.models.batches import Batch, BatchFile
from documents.models.files import Document, DocumentVersion, DocumentWords, StoredFile
from documents.models.notes import Note, NoteComment
from documents.models.signing import (
    BUILT_IN,
    ProviderDelivery,
    SealKey,
    SignatureRequest,
    Signer,
    SigningMail,
)
from documents.models.templates import GeneratedLetter, LetterTemplate

__all__ = [
    "BUILT_IN",
    "Batch",
    "BatchFile",
    "Document",
    "DocumentVersion",
    "DocumentWords",
    "GeneratedLetter",
    "LetterTemplate",
    "Note",
    "NoteComment",
    "ProviderDelivery",
    "SealKey",
    "SignatureRequest",
    "Signer",
    "SigningMail",
    "StoredFile",
]
