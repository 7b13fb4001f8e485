"""Files of reports, as replies: at once, or by a job where the caller prefers that."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.downloads import CSV, FILE_RENDERERS, PDF, XLSX, ByFormat, Download, PdfRenderer
from crm_backend.common.renderers import ORJSONRenderer
from crm_backend.common.throttling import UploadThrottle
from crm_backend.common.viewsets import ApiView, ScopedViewSet
from jobs.serializers import JobSerializer
from jobs.services.lifecycle import job_create
from jobs.viewsets import job_accepted
from reports.choices import FileFormat
from reports.paper import Paper
from reports.paper.forms import MEDIA_TYPES, parts_of
from reports.shapes import Sheet

KIND = "reports.export"
RESPOND_ASYNC = "respond-async"
# What the document says of an action that sends a report as a file, or has a job make it, and how such an
# action is declared.
SENT: dict[Any, Any] = {
    (200, CSV): OpenApiTypes.STR,
    (200, XLSX): OpenApiTypes.BINARY,
    (200, PDF): OpenApiTypes.BINARY,
}
FILES: dict[Any, Any] = {**SENT, (202, "application/json"): JobSerializer}
PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    enum=[RESPOND_ASYNC],
    description="With this, a job makes the file: 202 with the job. Its `result` names the file.",
)
AS_FILE: dict[str, Any] = {
    "detail": False,
    "renderer_classes": [*FILE_RENDERERS, PdfRenderer],
    "content_negotiation_class": ByFormat,
    "throttle_classes": [*ApiView.throttle_classes, UploadThrottle],
}


def prefers_job(request: Request) -> bool:
    """Whether the caller would rather not wait (RFC 7240)."""
    asked = request.headers.get("Prefer", "").lower().split(",")
    return any(one.partition(";")[0].strip() == RESPOND_ASYNC for one in asked)


def job_response(view: ScopedViewSet, request: Request, parameters: Mapping[str, Any]) -> Response:
    """Have a job make the file of the request's format; reply with the job."""
    form: Any = request.accepted_renderer.format
    job = job_create(kind=KIND, actor=view.caller, parameters={**parameters, "format": form})
    # The renderers of this action are those of files.
    request.accepted_renderer = ORJSONRenderer()
    request.accepted_media_type = ORJSONRenderer.media_type
    reply = job_accepted(view, job)
    reply["Preference-Applied"] = RESPOND_ASYNC
    return reply


def paper_download(form: str, paper: Paper, *, name: str = "report", sheet: Sheet | None = None) -> Download:
    """A report as the file of a form; CSV has one of its sheets, the first where none is named."""
    wanted = FileFormat(form)
    return Download(parts_of(wanted, paper, sheet), media_type=MEDIA_TYPES[wanted], name=name, extension=form)
