"""Keeping the words by which documents are found."""

from django.db import DataError, connection, transaction

from documents.models import Document

# PostgreSQL keeps at most a megabyte of words for one row; longer texts are found by their beginning.
LONGEST = 512 * 1024
# The words as they are, in any language: names and numbers are what people look for. A curly apostrophe
# would be a letter to PostgreSQL; `filters.Beginning` straightens it as well.
_RENEW = """
    INSERT INTO documents_documentwords (document_id, words)
    SELECT document.id,
           setweight(to_tsvector('simple', translate(document.title, '’', '''')), 'A')
           || setweight(to_tsvector('simple', coalesce(translate(version.name, '’._-', '''   '), '')), 'B')
           || to_tsvector('simple', translate(left(coalesce(version.text, ''), %s), '’', ''''))
    FROM documents_document document
    LEFT JOIN documents_documentversion version ON version.id = document.current_id
    WHERE document.id = %s
    ON CONFLICT (document_id) DO UPDATE SET words = excluded.words
"""


def words_renew(document: Document) -> None:
    """Read anew what a document is found by; call it with the row locked, after any change of that."""
    length = LONGEST
    while True:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_RENEW, [length, document.pk])
        except DataError:
            # Nothing but different words; half as many then.
            length //= 2
        else:
            return
