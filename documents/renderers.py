"""Files in the place of JSON: they are made by the views, whatever the caller says it accepts."""

from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from documents.letters.press import MEDIA_TYPES, Form


class _FileRenderer(BaseRenderer):
    """A choice for content negotiation."""

    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """Never asked: replies with files are no DRF responses."""
        return bytes(data or b"")


class PdfRenderer(_FileRenderer):
    """PDF."""

    media_type = MEDIA_TYPES[Form.PDF]
    format = "pdf"


class WordRenderer(_FileRenderer):
    """Word."""

    media_type = MEDIA_TYPES[Form.DOCX]
    format = "docx"


LETTER_RENDERERS = [PdfRenderer, WordRenderer]


class AnyFile(DefaultContentNegotiation):
    """What is asked for decides what comes, not `Accept`."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first."""
        return renderers[0], renderers[0].media_type
