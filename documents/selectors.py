"""Documents as lists and details show them, and what is like what."""

from typing import Any

from django.db.models import QuerySet

from documents.models import Document, DocumentVersion

WARNED_OF = 5
# Large columns that no list and no detail shows.
_LARGE = ("text", "thumbnail")


def for_reading(documents: QuerySet[Any]) -> QuerySet[Any]:
    """Documents with their current version and the people."""
    return documents.select_related("current__file", "current__created_by", "created_by").defer(
        *(f"current__{name}" for name in _LARGE)
    )


def for_thumbnail(documents: QuerySet[Any]) -> QuerySet[Any]:
    """Documents with the picture of their current version."""
    return documents.select_related("current").defer("current__text")


def versions_of(document: Document) -> QuerySet[DocumentVersion]:
    """The versions of a document, latest first."""
    rows = document.versions.select_related("file", "created_by").defer(*_LARGE)
    return rows.order_by("-number")


def duplicates_of(document: Document, *, reader: Any) -> list[DocumentVersion]:
    """Versions of other documents that the reader sees, with the content of the current version."""
    if document.current is None:
        return []
    same = DocumentVersion.objects.visible_to(reader).filter(file__sha256=document.current.file.sha256)
    others = same.exclude(document=document).select_related("document").defer(*_LARGE)
    return list(others.order_by("-document_id", "-number")[:WARNED_OF])
