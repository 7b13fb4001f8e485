"""Templates of letters, previews, and letters made from them."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from crm_backend.common.parsers import ORJSONParser
from crm_backend.common.permissions import touches
from crm_backend.common.renderers import FileRenderer
from crm_backend.common.schema_replies import refuses
from crm_backend.common.spreadsheets import FileTooLarge
from crm_backend.common.throttling import UploadThrottle
from crm_backend.common.viewsets import CrudViewSet, ScopedViewSet
from documents.choices import LetterFormat, LetterType
from documents.filters import TemplateFilter
from documents.letters.builtin import LETTERS
from documents.letters.press import MEDIA_TYPES, Form, TemplateFault, press
from documents.letters.sample import SAMPLE
from documents.models import LetterTemplate
from documents.permissions import LETTERS as LETTERS_POLICY
from documents.permissions import TEMPLATES
from documents.serializers.templates import (
    GenerateSerializer,
    LetterTypeSerializer,
    PreviewOfTypeSerializer,
    PreviewSerializer,
    SourceSerializer,
    TemplateInputSerializer,
    TemplateSerializer,
    TemplateUpdateSerializer,
)
from documents.services import letters, templates
from jobs.serializers import JobSerializer
from jobs.services.lifecycle import TooManyJobs
from jobs.viewsets import job_accepted

# What the other fields and the boundaries of an upload may take beside the file, bytes.
FORM_ALLOWANCE = 64 * 1024
FILES = {(200, MEDIA_TYPES[form]): OpenApiTypes.BINARY for form in Form}
SOURCES = {(200, "text/plain"): OpenApiTypes.STR, (200, MEDIA_TYPES[Form.DOCX]): OpenApiTypes.BINARY}
FILE_ACTION: dict[str, Any] = {"pagination_class": None, "renderer_classes": [FileRenderer]}


def _light(rows: Any) -> Any:
    return rows.select_related("created_by").defer("source")


class TemplateParser(MultiPartParser):
    """A form that is refused by its announced length, before it is read."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Read the form."""
        length = parser_context["request"].META.get("CONTENT_LENGTH") or 0
        if int(length) > settings.TEMPLATE_MAX_BYTES + FORM_ALLOWANCE:
            raise FileTooLarge(f"A template has at most {settings.TEMPLATE_MAX_BYTES // 1024} KiB.")
        return super().parse(stream, media_type, parser_context)


class PrintsMixin:
    """Answers with files that are made from templates."""

    def printed(
        self: Any,
        query: PreviewSerializer,
        letter_type: LetterType,
        form: LetterFormat,
        template: LetterTemplate | None = None,
    ) -> HttpResponse:
        """A preview, shown in the browser where that can."""
        query.is_valid(raise_exception=True)
        application = query.validated_data.get("application")
        if application is not None:
            printed, _ = letters.letter_print(
                application=application,
                letter_type=letter_type,
                form=form,
                options=query.options(),
                template=template,
            )
            return printed_response(printed.content, form, f"{letter_type.value}-preview")
        source = bytes(template.source) if template else templates.source_of(letter_type, form)[0]
        try:
            content = press.print(Form(form), source, SAMPLE).content
        except TemplateFault as fault:
            raise letters.TemplateFails(f"The template cannot be printed. {fault}") from None
        return printed_response(content, form, f"{letter_type.value}-sample")


def printed_response(content: bytes, form: LetterFormat, name: str) -> HttpResponse:
    """A file to look at."""
    where = "inline" if form == LetterFormat.PDF else "attachment"
    headers = {"Content-Disposition": f'{where}; filename="{name}.{form.value}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=MEDIA_TYPES[Form(form)], headers=headers)


def source_response(source: bytes, form: LetterFormat, name: str) -> HttpResponse:
    """A template as it can be edited and sent again."""
    is_text = form == LetterFormat.PDF
    media_type = "text/plain; charset=utf-8" if is_text else MEDIA_TYPES[Form.DOCX]
    ending = "typ" if is_text else "docx"
    headers = {"Content-Disposition": f'attachment; filename="{name}.{ending}"'}
    return HttpResponse(source, content_type=media_type, headers=headers)


@extend_schema(tags=["letters"])
class TemplateViewSet(PrintsMixin, CrudViewSet):
    """The lender's own templates of letters. A type without one is made from the built-in template."""

    queryset = LetterTemplate.objects.all()
    policy = TEMPLATES
    serializer_class = TemplateSerializer
    serializer_classes = {"create": TemplateInputSerializer, "update": TemplateUpdateSerializer}
    querysets = {"list": _light, "retrieve": _light}
    parser_classes = (ORJSONParser, TemplateParser)
    filterset_class = TemplateFilter
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]

    def get_throttles(self) -> Any:
        """An upload is printed once, which costs more than other requests."""
        return [*super().get_throttles(), *([UploadThrottle()] if self.action == "create" else [])]

    @refuses(templates.BrokenTemplate, FileTooLarge)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a version of a template. It is printed once with made-up facts, and refused if that fails."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        form = LetterFormat(data.pop("format"))
        templates.template_check(form=form, source=data["source"])
        data["letter_type"] = LetterType(data["letter_type"])
        with transaction.atomic():
            template = templates.template_add(form=form, actor=self.caller, **data)
            return self.created_response(template.pk)

    def perform_update(self, serializer: Any) -> None:
        """Rename it, or begin or cease to use it."""
        templates.template_update(
            template=serializer.instance, actor=self.caller, **serializer.validated_data
        )

    def perform_destroy(self, obj: Any) -> None:
        """Delete one that no letter was made from."""
        templates.template_delete(template=obj, actor=self.caller)

    @extend_schema(parameters=[PreviewSerializer], responses=FILES, filters=False)
    @action(detail=True, **FILE_ACTION)
    @touches("applications")
    @refuses(letters.LetterNotPossible, letters.TemplateFails)
    def preview(self, request: Request, pk: int) -> HttpResponse:
        """Look at what a template makes, of an application or of made-up facts."""
        template = self.get_object()
        query = PreviewSerializer(data=request.query_params, context=self.get_serializer_context())
        return self.printed(query, LetterType(template.letter_type), LetterFormat(template.format), template)

    @extend_schema(responses=SOURCES, filters=False)
    @action(detail=True, **FILE_ACTION)
    def source(self, request: Request, pk: int) -> HttpResponse:
        """Download a template as it was sent."""
        template = self.get_object()
        name = f"{template.letter_type}-v{template.version}"
        return source_response(bytes(template.source), LetterFormat(template.format), name)


@extend_schema(tags=["letters"])
class LetterViewSet(PrintsMixin, ScopedViewSet):
    """Letters by their type."""

    queryset = Application.objects.all()
    policy = LETTERS_POLICY
    serializer_class = LetterTypeSerializer
    serializer_classes = {"generate": GenerateSerializer}
    filter_backends = ()
    pagination_class = None

    @extend_schema(responses=LetterTypeSerializer(many=True))
    def types(self, request: Request) -> Response:
        """List the types of letters, and which template each is made from."""
        used = {
            (letter_type, form): version
            for letter_type, form, version in LetterTemplate.objects.active().values_list(
                "letter_type", "format", "version"
            )
        }
        rows = [
            {
                "letter_type": one.value,
                "label": one.label,
                "subject": LETTERS[one].subject,
                "pdf_version": used.get((one, LetterFormat.PDF)),
                "docx_version": used.get((one, LetterFormat.DOCX)),
            }
            for one in LetterType
        ]
        return Response(LetterTypeSerializer(rows, many=True).data)

    @extend_schema(request=GenerateSerializer, responses={202: JobSerializer})
    @touches("documents", "jobs")
    @refuses(letters.LetterNotPossible, TooManyJobs)
    def generate(self, request: Request, letter_type: str) -> Response:
        """Have a letter made and kept as a document of the application, by a job, which `Location` names.

        Its result has the `document`.
        """
        serializer: Any = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        job = letters.letter_request(
            application=data["application"],
            letter_type=LetterType(letter_type),
            form=LetterFormat(data["format"]),
            options=serializer.options(),
            title=data.get("title", ""),
            visible_to_client=data["visible_to_client"],
            actor=self.caller,
        )
        return job_accepted(self, job)

    @extend_schema(parameters=[PreviewOfTypeSerializer], responses=FILES)
    @refuses(letters.LetterNotPossible, letters.TemplateFails)
    def preview(self, request: Request, letter_type: str) -> HttpResponse:
        """Look at a letter before it is made, of an application or of made-up facts."""
        query = PreviewOfTypeSerializer(data=request.query_params, context=self.get_serializer_context())
        query.is_valid(raise_exception=True)
        return self.printed(query, LetterType(letter_type), LetterFormat(query.validated_data["as_format"]))

    @extend_schema(parameters=[SourceSerializer], responses=SOURCES)
    def source(self, request: Request, letter_type: str) -> HttpResponse:
        """Download the template in use, or the built-in one: a start for one of your own."""
        query = SourceSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        kind, form = LetterType(letter_type), LetterFormat(query.validated_data["as_format"])
        if query.validated_data["built_in"]:
            return source_response(templates.built_in(kind, form), form, kind.value)
        return source_response(templates.source_of(kind, form)[0], form, kind.value)
