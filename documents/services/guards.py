"""What a stage asks of signatures, told to the stage machine, which cannot know of documents itself."""

from collections.abc import Iterator

from applications.choices import Stage
from applications.models import Application
from applications.services.guards import register_guard
from documents.choices import DocumentKind, SignatureRequestStatus
from documents.models import SignatureRequest


def needs_signatures(application: Application) -> Iterator[str]:
    """An agreement that was sent for signature is signed by all.

    Its latest request counts. One that was taken back counts as never made: it may be signed on paper.
    """
    requests = SignatureRequest.objects.filter(
        document__application=application, document__kind=DocumentKind.AGREEMENT
    ).exclude(status=SignatureRequestStatus.CANCELLED)
    latest = requests.order_by("document", "-pk").distinct("document").select_related("document")
    for request in latest:
        if request.status != SignatureRequestStatus.COMPLETED:
            yield f"{request.document.title} has not been signed by all"


def register() -> None:
    """Ask for it from now on."""
    register_guard(Stage.LOAN_DOCS_SIGNED, needs_signatures)
    register_guard(Stage.SETTLED, needs_signatures)
