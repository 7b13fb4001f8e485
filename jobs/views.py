"""Jobs: how far they are, cancelling, and their reports."""

from django.db import transaction
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.downloads import ByFormat, CsvRenderer, Download
from crm_backend.common.errors import DomainError, NotAllowed
from crm_backend.common.renderers import FileRenderer, ORJSONRenderer
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ReadOnlyViewSet
from jobs.filters import JobFilter
from jobs.models import Job
from jobs.permissions import JOBS
from jobs.reports import report_download
from jobs.serializers import JobListSerializer, JobRowSerializer, JobSerializer, StreamTicketSerializer
from jobs.services import lifecycle
from jobs.streams import StreamTicketAuthentication, job_stream, ticket_for


class JobNotFinished(DomainError):
    """The report of a job is complete only when the job is."""

    status = 409
    code = "job_not_finished"
    title = "Job not finished"
    default_detail = "The job is not finished yet. Its result is there when it is."


class JobViewSet(ReadOnlyViewSet):
    """One's own jobs; those of all for administrators."""

    queryset = Job.objects.all()
    policy = JOBS
    serializer_class = JobSerializer
    serializer_classes = {"list": JobListSerializer}
    filterset_class = JobFilter
    ordering_fields = ["created_at", "finished_at"]
    ordering = ["-created_at"]

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        """End a queued job at once, or ask a running one to stop.

        A running job stops after the batch at hand; what it has written stays, unless its kind undoes it.
        """
        with transaction.atomic():
            lifecycle.job_cancel(job=self.get_locked_object(), actor=self.caller)
            return self.detail_response(pk)

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    @refuses(lifecycle.TooManyJobs)
    def retry(self, request: Request, pk: int) -> Response:
        """Have a job that failed or was cancelled done again, from where it stopped."""
        with transaction.atomic():
            lifecycle.job_retry(job=self.get_locked_object(), actor=self.caller)
            return self.detail_response(pk)

    @extend_schema(
        responses={(200, "text/event-stream"): OpenApiTypes.ANY},
        filters=False,
    )
    @action(
        detail=True,
        pagination_class=None,
        renderer_classes=[FileRenderer],
        authentication_classes=[StreamTicketAuthentication, *ReadOnlyViewSet.authentication_classes],
    )
    def stream(self, request: Request, pk: int) -> HttpResponseBase:
        """Follow a job: server-sent events `queued`, `progress`, `completed`, `failed` and `cancelled`.

        Each holds everything: `status`, `progress` (percent), `current`, `total`, `counts`, `message` and
        `result`. Ids grow; `Last-Event-ID` resumes. The stream ends with the job; who comes back with the
        last id gets 204.
        """
        return job_stream(request, self.get_object())

    @extend_schema(request=None, responses={201: StreamTicketSerializer})
    @action(detail=True, methods=["post"], url_path="stream-ticket")
    def stream_ticket(self, request: Request, pk: int) -> Response:
        """Get a ticket for the stream of this job, for clients that cannot send headers with it."""
        job = self.get_object()
        session = getattr(request.auth, "session", None)
        if session is None:
            raise NotAllowed("API keys send their header; tickets are for logins.")
        ticket, expires_at = ticket_for(job, session)
        return Response({"ticket": ticket, "expires_at": expires_at}, status=status.HTTP_201_CREATED)

    @extend_schema(
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/json"): JobRowSerializer(many=True),
        },
        filters=False,
    )
    @action(
        detail=True,
        pagination_class=None,
        renderer_classes=[CsvRenderer, ORJSONRenderer],
        content_negotiation_class=ByFormat,
    )
    @refuses(JobNotFinished)
    def result(self, request: Request, pk: int) -> Download:
        """Download the report of a finished job, one entry for each row of its input, as CSV or JSON."""
        job = self.get_object()
        if not job.is_finished:
            raise JobNotFinished()
        return report_download(job, form=request.accepted_renderer.format)
