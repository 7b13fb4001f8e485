"""Borrowers, what they own and owe, and guarantors."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from borrowers import events, merging, pairing, selectors, services
from borrowers.filters import SEARCHED, BorrowerFilter, BorrowerMergeFilter, DuplicatePairFilter, PartySearch
from borrowers.finances import DEFINITIONS, summarise
from borrowers.models import Asset, Borrower, BorrowerMerge, DuplicatePair, Guarantor, Liability
from borrowers.permissions import ASSETS, BORROWERS, GUARANTORS, LIABILITIES, MERGES, PAIRS
from borrowers.selectors import Likeness
from borrowers.serializers.duplicates import (
    DismissSerializer,
    DuplicatePairSerializer,
    DuplicateQuerySerializer,
    DuplicateSerializer,
)
from borrowers.serializers.finances import FinancialSummarySerializer, ProposalQuerySerializer
from borrowers.serializers.holdings import AssetSerializer, LiabilitySerializer
from borrowers.serializers.merging import BorrowerMergeSerializer, MergeSerializer
from borrowers.serializers.parties import (
    BorrowerCreatedSerializer,
    BorrowerSerializer,
    BorrowerSummarySerializer,
    CompanyBorrowerSerializer,
    GuarantorSerializer,
    GuarantorSummarySerializer,
)
from borrowers.serializers.timeline import BorrowerTimelineSerializer
from crm_backend.common.errors import Conflict, InvalidInput
from crm_backend.common.filters import FilterBackend, OrderingFilter
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.serializers import Serializer
from crm_backend.common.viewsets import ChildMixin, CrudViewSet, ReadOnlyViewSet
from events.viewsets import RecordedMixin
from users.permissions import reader_of

# Duplicates that the reply to a new borrower names.
WARNED_OF = 10
PAGING = {"limit", "offset", "cursor"}


class PartyViewSet(RecordedMixin, CrudViewSet):
    """What borrowers and guarantors share."""

    filter_backends = (FilterBackend, PartySearch, OrderingFilter)
    search_fields = SEARCHED
    ordering_fields = ["last_name", "company_name", "created_at"]
    ordering = ["-created_at"]

    def created_with(self) -> dict[str, Any]:
        """Remember who brought them."""
        return {"created_by": self.caller}


class BorrowerViewSet(PartyViewSet):
    """People and companies who borrow."""

    queryset = Borrower.objects.all()
    policy = BORROWERS
    serializer_class = BorrowerSerializer
    serializer_classes = {
        "list": BorrowerSummarySerializer,
        "company": CompanyBorrowerSerializer,
        "created": BorrowerCreatedSerializer,
    }
    querysets = {"list": selectors.for_list}
    record_events = events.BORROWER
    filterset_class = BorrowerFilter
    ordering_fields = [*PartyViewSet.ordering_fields, "updated_at"]

    def created_response(self, pk: Any) -> Response:
        """The new borrower, and a warning of visible ones who may be the same; its ETag is the detail's."""
        response = super().created_response(pk)
        likeness = Likeness.of(Borrower.objects.get(pk=pk))
        visible = selectors.for_list(Borrower.objects.visible_to(self.caller))
        found = selectors.duplicates(visible, likeness, reader=self.caller)
        response.data["duplicates"] = DuplicateSerializer(found[:WARNED_OF], many=True).data
        return response

    missing_as = (merging.BorrowerMergedAway,)

    def missing(self, pk: Any) -> Exception:
        """410 for one that was merged into another one, which `merged_into` names to those who see it."""
        return merging.merged_away(pk, reader=self.caller) or super().missing(pk)

    @extend_schema(request=MergeSerializer, responses={201: BorrowerMergeSerializer})
    @action(detail=True, methods=["post"])
    @refuses(Conflict, InvalidInput)
    @touches("borrower-merges", "applications", "guarantors", "assets", "liabilities")
    def merge(self, request: Request, pk: int) -> Response:
        """Merge a duplicate into this borrower, which keeps its id.

        Everything that refers to the duplicate goes over, and the duplicate is gone: its address answers 410
        with `merged_into`. Of each field this borrower's value stays; the duplicate's is taken where there is
        none, or where `keep` says so. 409 for a person and a company, and for two logins without
        `keep.user`. `merges/{id}/undo/` takes all of it back.
        """
        survivor = self.get_object()
        serializer = MergeSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        merge = merging.borrower_merge(survivor=survivor, actor=self.caller, **serializer.validated_data)
        shown = BorrowerMergeSerializer(merge, context=self.get_serializer_context()).data
        return Response(shown, status=201)

    @extend_schema(request=CompanyBorrowerSerializer, responses={201: BorrowerCreatedSerializer})
    @action(detail=False, methods=["post"])
    def company(self, request: Request) -> Response:
        """Create a company as a borrower."""
        response = self.create(request)
        response["Location"] = request.build_absolute_uri(f"../{response.data['id']}/")
        return response

    @extend_schema(
        parameters=[DuplicateQuerySerializer], responses=DuplicateSerializer(many=True), filters=False
    )
    @action(detail=False)
    def duplicates(self, request: Request) -> Response:
        """List borrowers that may be the same as another one.

        Equal ABN, ACN, e-mail, telephone or (told to administrators only) tax file number; a similar name
        (pg_trgm similarity of at least 0.5) and the same date of birth; or a similar company name (at least
        0.6, without "Pty Ltd"). Nothing to compare with finds nothing.
        """
        query = self._query(DuplicateQuerySerializer)
        visible = selectors.for_list(Borrower.objects.visible_to(self.caller))
        found = selectors.duplicates(visible, query.likeness, reader=self.caller)
        return self.page_response(found, DuplicateSerializer)

    @extend_schema(responses=GuarantorSummarySerializer(many=True), filters=False)
    @action(detail=True)
    @touches("guarantors")
    def guarantors(self, request: Request, pk: int) -> Response:
        """List the guarantors of a borrower that the caller may see."""
        rows = Guarantor.objects.visible_to(self.caller).filter(borrower=self.get_object())
        return self.page_response(rows.order_by("-created_at", "-id"), GuarantorSummarySerializer)

    @extend_schema(parameters=[ProposalQuerySerializer], responses=FinancialSummarySerializer)
    @action(detail=True, url_path="financial-summary")
    @touches("assets", "liabilities")
    def financial_summary(self, request: Request, pk: int) -> Response:
        """Sum up what a borrower earns, spends, owns and owes, and what a proposed loan would add.

        `definitions` in the reply says what each figure means and by whose rule. Figures are before tax.
        """
        borrower = self.get_object()
        query = self._query(ProposalQuerySerializer)
        summary = summarise(selectors.position_of(borrower), query.proposal)
        figures = {**asdict(summary), "definitions": DEFINITIONS}
        return Response(FinancialSummarySerializer(figures).data)

    @extend_schema(responses=BorrowerTimelineSerializer(many=True), filters=False)
    @action(detail=True)
    @touches("guarantors", "applications")
    def timeline(self, request: Request, pk: int) -> Response:
        """List what happened to a borrower, the guarantors, and the visible applications; latest first.

        `actor` is null where the caller does not see that user.
        """
        rows = selectors.timeline(self.get_object(), user=self.caller, reader=reader_of(self.caller))
        return self.page_response(rows, BorrowerTimelineSerializer)

    def _query(self, serializer_class: type[Serializer]) -> Any:
        """The parameters of the address, as strictly read as a body."""
        given = {name: value for name, value in self.request.query_params.items() if name not in PAGING}
        query = serializer_class(data=given, context=self.get_serializer_context())
        query.is_valid(raise_exception=True)
        return query


@extend_schema(tags=["borrowers"])
class BorrowerMergeViewSet(ReadOnlyViewSet):
    """Merges of two borrowers, which can be undone."""

    queryset = BorrowerMerge.objects.select_related("survivor", "merged_by", "undone_by")
    policy = MERGES
    serializer_class = BorrowerMergeSerializer
    querysets = {"list": lambda rows: rows.defer("snapshot"), "retrieve": lambda rows: rows.defer("snapshot")}
    filter_backends = (FilterBackend, OrderingFilter)
    filterset_class = BorrowerMergeFilter
    ordering_fields = ["merged_at"]
    ordering = ["-merged_at"]

    @extend_schema(request=None, responses=BorrowerMergeSerializer)
    @action(detail=True, methods=["post"])
    @refuses(Conflict)
    @touches("borrowers", "applications", "guarantors", "assets", "liabilities")
    def undo(self, request: Request, pk: int) -> Response:
        """Make two borrowers of one again.

        What was moved goes back, but for rows that somebody moved or removed since, which `left` names. 409,
        and nothing is changed, when it was undone before, when the survivor was itself merged since, or when
        a field that the merge set was edited since (`fields` names them).
        """
        merging.borrower_merge_undo(merge=self.get_object(), actor=self.caller)
        return self.detail_response(pk)


@extend_schema(tags=["borrowers"])
class DuplicatePairViewSet(ReadOnlyViewSet):
    """Pairs of borrowers who may be the same, over all that the caller sees; the strongest first.

    Found in the background, within minutes of a change: equal ABN, ACN, e-mail, telephone or (told to
    administrators only) tax file number, or a similar name (pg_trgm similarity of at least 0.5) and the same
    date of birth. `first` is the older one: merge `second` into it, or dismiss the pair.
    """

    queryset = DuplicatePair.objects.select_related("first", "second", "dismissed_by")
    policy = PAIRS
    serializer_class = DuplicatePairSerializer
    serializer_classes = {"dismiss": DismissSerializer}
    shows = ("borrowers",)
    is_derived = True
    filter_backends = (FilterBackend, OrderingFilter)
    filterset_class = DuplicatePairFilter
    ordering_fields = ["strength", "found_at"]
    ordering = ["-strength"]

    @extend_schema(request=DismissSerializer, responses=DuplicatePairSerializer)
    @action(detail=True, methods=["post"])
    @refuses(Conflict)
    def dismiss(self, request: Request, pk: int) -> Response:
        """Say that the two are not the same; both timelines tell of it. 409 when it was said before."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        pairing.pair_dismiss(pair=self.get_object(), actor=self.caller, **serializer.validated_data)
        return self.detail_response(pk)

    @extend_schema(request=None, responses=DuplicatePairSerializer)
    @action(detail=True, methods=["post"])
    @refuses(Conflict)
    def reopen(self, request: Request, pk: int) -> Response:
        """Take a dismissal back. 409 when there is none."""
        pairing.pair_reopen(pair=self.get_object(), actor=self.caller)
        return self.detail_response(pk)


@extend_schema(tags=["borrowers"])
class HoldingViewSet(ChildMixin, CrudViewSet):
    """What assets and liabilities share."""

    parent_model = Borrower
    parent_field = "borrower"
    filter_backends = (FilterBackend, OrderingFilter)
    ordering = ["id"]

    def perform_create(self, serializer: Any) -> Any:
        """Add it to the borrower in the address."""
        return services.holding_add(
            model=serializer.Meta.model,
            borrower=self.parent,
            actor=self.caller,
            **serializer.validated_data,
        )

    def perform_update(self, serializer: Any) -> None:
        """Edit it."""
        services.holding_update(holding=serializer.instance, actor=self.caller, **serializer.validated_data)

    def perform_destroy(self, obj: Any) -> None:
        """Remove it."""
        services.holding_remove(holding=obj, actor=self.caller)


class AssetViewSet(HoldingViewSet):
    """What a borrower owns."""

    queryset = Asset.objects.select_related("borrower")
    policy = ASSETS
    serializer_class = AssetSerializer
    filterset_fields = ["asset_type"]
    ordering_fields = ["id", "value", "created_at"]


class LiabilityViewSet(HoldingViewSet):
    """What a borrower owes."""

    queryset = Liability.objects.select_related("borrower")
    policy = LIABILITIES
    serializer_class = LiabilitySerializer
    filterset_fields = ["liability_type"]
    ordering_fields = ["id", "balance", "monthly_repayment", "created_at"]


class GuarantorViewSet(PartyViewSet):
    """People and companies who answer for a borrower."""

    queryset = Guarantor.objects.all()
    policy = GUARANTORS
    serializer_class = GuarantorSerializer
    serializer_classes = {"list": GuarantorSummarySerializer}
    record_events = events.GUARANTOR
    filterset_fields = ["guarantor_type", "relationship", "borrower"]
