"""The base of every endpoint: scoping, policy, ETags, paging and errors, once for all.

A resource is three declarations (queryset, policy, serializers) and the mixins of what it offers.
What a subclass does not declare does not exist: a method without an action is 405, an action
without a row in the policy is 403, and a queryset is never used without `visible_to`.
"""

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.db import models
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from crm_backend.common.errors import DomainError, NotAllowed, StaleVersion
from crm_backend.common.policy import Policy
from crm_backend.common.read_engine.engine import answer_detail, answer_list
from crm_backend.common.read_engine.locks import locked_row
from crm_backend.common.renderers import ORJSONRenderer
from crm_backend.common.routers import path_of
from crm_backend.common.schema_replies import refuses
from crm_backend.common.selection import (
    EXPAND,
    FIELDS,
    check_names,
    expandable,
    expanded,
    names_of,
    selected,
    selection_of,
)
from crm_backend.common.transactions import of_request

LIST, RETRIEVE = "list", "retrieve"
_POLICY_ACTIONS = {"partial_update": "update"}


class ApiView(APIView):
    """What every view of the API does, resource or not."""

    # Why a view is open to callers without a login, or None. The route test reads it.
    public: ClassVar[str | None] = None

    @property
    def caller(self) -> Any:
        """The logged-in user; authentication and permissions have seen to it that there is one."""
        return self.request.user

    def perform_authentication(self, request: Request) -> None:
        """Count the request before anything can refuse it: guesses at tokens are requests too."""
        try:
            super().perform_authentication(request)
        finally:
            super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Done already, with the authentication."""

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the methods of this address."""
        # Without a renderer: that of an image or a file has nothing to render here.
        headers = {"Allow": ", ".join(self.allowed_methods)}
        return HttpResponse(status=status.HTTP_204_NO_CONTENT, headers=headers)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Write errors as JSON whatever the view renders; add the caller's remaining allowance."""
        if getattr(response, "exception", False):
            renderer = ORJSONRenderer()
            request.accepted_renderer, request.accepted_media_type = renderer, renderer.media_type
        response = super().finalize_response(request, response, *args, **kwargs)
        if limit := getattr(request, "rate_limit", None):
            for name, value in limit.headers():
                response.headers[name] = value
        return response


class ScopedViewSet(ApiView, GenericViewSet[Any]):
    """A resource, reached only through the rows that the caller may see.

    Attributes:
        queryset: all rows; its class is a `ScopedQuerySet`.
        policy: the resource's rows of the policy table.
        serializer_class: the detail, which every write replies with as well.
        serializer_classes: by action, where another one applies.
        querysets: by action, how to load what its serializer shows (joins, prefetches, counts).
        shows: further resources whose rows every action shows, and none changes, so that keys need to read
            them; an action's own are `@touches(…)`.
        untagged: fields that change by themselves, which make no new version of a row.
        unscoped_because: the ugly way out: a reason to go round `visible_to`.
        is_derived: whether rows come and change without an event of their own, so that no count is kept.
        plain_because: why reads do not go through the read engine, where somebody chose so.
    """

    policy: ClassVar[Policy]
    serializer_classes: ClassVar[dict[str, type[BaseSerializer[Any]]]] = {}
    querysets: ClassVar[dict[str, Callable[[Any], Any]]] = {}
    shows: ClassVar[tuple[str, ...]] = ()
    untagged: ClassVar[frozenset[str]] = frozenset()
    unscoped_because: ClassVar[str] = ""
    plain_because: ClassVar[str] = ""
    is_derived: ClassVar[bool] = False
    lookup_value_converter = "int"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "get_queryset" in cls.__dict__:
            raise TypeError(
                f"{cls.__name__} overrides get_queryset and so could skip scoping. Shape the rows with "
                "`querysets`, or narrow them in `narrow`."
            )

    @classmethod
    def own_ways(cls) -> list[str]:
        """What a subclass does in its own way when it reads; the read engine knows only the base's."""
        names = ("get_object", "filter_queryset", "rows_for", "paginate_queryset", "get_serializer")
        return [name for name in names if getattr(cls, name) is not getattr(ScopedViewSet, name)]

    # --- rows ---------------------------------------------------------------------------------

    @property
    def policy_action(self) -> str | None:
        """The row of the policy table that this request falls under."""
        action = self.action
        return _POLICY_ACTIONS.get(action, action) if action and action != "metadata" else None

    def narrow(self, queryset: Any) -> Any:
        """Restrict the rows further, for example to those of a parent in the address."""
        return queryset

    def get_queryset(self) -> Any:
        """Visible rows, loaded as the action's serializer needs them."""
        return self.rows_for(self.action)

    def rows_for(self, action: str) -> Any:
        """Visible rows, loaded for the given action."""
        rows = self.narrow(self._visible())
        actions = [_POLICY_ACTIONS.get(action, action)]
        if self.selection_for(action)[1]:
            actions.append(RETRIEVE)
        for shape in filter(None, map(self.querysets.get, actions)):
            rows = shape(rows)
        return rows

    def _visible(self) -> Any:
        queryset = cast(Any, self).queryset
        assert queryset is not None, f"{type(self).__name__} has no queryset"
        rows = queryset.all()
        if self.unscoped_because:
            return rows
        return rows.visible_to(self.caller)

    def check_visible(self) -> None:
        """Answer 404, not 403, to a caller who may not even know that the addressed row exists."""
        pk = self.kwargs.get(self.lookup_url_kwarg or self.lookup_field)
        if pk is not None and not self.narrow(self._visible()).filter(pk=pk).exists():
            raise Http404

    def get_locked_object(self) -> Any:
        """The addressed row, visible, allowed, locked for the transaction at hand."""
        pk = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        answered, obj = locked_row(self, pk)
        if not answered:
            obj = self.narrow(self._visible()).lock().filter(pk=pk).first()
        if obj is None:
            raise Http404
        self.check_object_permissions(self.request, obj)
        return obj

    @cached_property
    def selection(self) -> tuple[frozenset[str] | None, frozenset[str]]:
        """The members wanted of what is read, None for all, and further ones."""
        if self.action not in (LIST, RETRIEVE):
            return None, frozenset()
        fields, expand = selection_of(self.request)
        if self.action == RETRIEVE:
            return fields, frozenset()
        # A member of the detail that is named among the fields is asked for.
        return fields, expand | (fields or frozenset()) & frozenset(self.expandable())

    def selection_for(self, action: str) -> tuple[frozenset[str] | None, frozenset[str]]:
        """The same, for the action that is asked for; any other shows all."""
        return self.selection if action == self.action else (None, frozenset())

    # --- representation -----------------------------------------------------------------------

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """The serializer of this action, with what the request wants of it."""
        return self.shown_by(self.action)

    def serializer_of(self, action: str) -> type[BaseSerializer[Any]]:
        """The serializer of an action."""
        chosen = self.serializer_classes.get(_POLICY_ACTIONS.get(action, action)) or self.serializer_class
        assert chosen is not None, f"{type(self).__name__} has no serializer"
        return chosen

    def shown_by(self, action: str) -> type[BaseSerializer[Any]]:
        """The serializer of an action, with what the request wants of it.

        Raises:
            ValidationError: it wants what there is not.
        """
        serializer: Any = self.serializer_of(action)
        fields, expand = self.selection_for(action)
        if expand:
            check_names(expand, list(self.expandable()), EXPAND)
            detail: Any = self.detail_class
            serializer = expanded(serializer, detail, expand)
        if fields is not None:
            check_names(fields, list(names_of(serializer)), FIELDS)
            serializer = selected(serializer, fields)
        return serializer

    def expandable(self) -> tuple[str, ...]:
        """The members of the detail that rows of the list can have as well."""
        policy = getattr(self, "policy", None)
        readers = policy.actions.get(RETRIEVE, {}) if policy else {}
        caller = getattr(getattr(self, "request", None), "user", None)
        if not readers or any(grant.condition for grant in readers.values()):
            return ()
        # Nobody asks while the document is made, which has them all.
        is_asked = getattr(caller, "is_authenticated", False)
        if is_asked and policy and policy.grant(RETRIEVE, caller) is None:
            return ()
        listed: Any = self.serializer_of(LIST)
        detail: Any = self.detail_class
        return expandable(listed, detail)

    @property
    def detail_class(self) -> type[BaseSerializer[Any]]:
        """The serializer of the detail, which writes reply with as well."""
        assert self.serializer_class is not None
        return self.serializer_classes.get("retrieve", self.serializer_class)

    @property
    def created_class(self) -> type[BaseSerializer[Any]]:
        """The serializer of the reply to a new row: the detail, or `created`, which adds to it."""
        return self.serializer_classes.get("created", self.detail_class)

    def representation(self, pk: Any) -> dict[str, Any]:
        """The row as the detail shows it, read anew after whatever was written.

        Call it in the transaction of the write: a caller who would lose sight of the row is refused.
        """
        answered, shown = answer_detail(self, pk)
        if not answered:
            obj = self.rows_for("retrieve").filter(pk=pk).first()
            shown = obj and dict(self.detail_class(obj, context=self.get_serializer_context()).data)
        if shown is None:
            raise NotAllowed("After this you would not see it any more.")
        return shown

    # What else reading one row may be refused for, and why it is not there.
    missing_as: tuple[type[DomainError], ...] = ()

    def missing(self, pk: Any) -> Exception:
        """What a reader is told of a row that is not there, or not for them."""
        return Http404()

    def detail_response(self, pk: Any, code: int = status.HTTP_200_OK) -> Response:
        """Reply with the detail and its ETag."""
        data = self.representation(pk)
        return Response(data, status=code, headers={"ETag": self.etag_of(data)})

    def etag_of(self, data: dict[str, Any]) -> str:
        """The entity tag of a detail."""
        return etag_of({name: value for name, value in data.items() if name not in self.untagged})

    def created_response(self, pk: Any) -> Response:
        """Reply with the detail of a new row, its ETag and its address."""
        response = self.detail_response(pk, status.HTTP_201_CREATED)
        response["Location"] = self.location_of(f"{self.basename}-detail", **{**self.kwargs, "pk": pk})
        return response

    def location_of(self, route: str, **kwargs: Any) -> str:
        """The address of a route, under the version prefix that the caller used."""
        prefix = self.request.path.removesuffix(self.request.path_info.removeprefix("/api/"))
        path = path_of(route, **kwargs).removeprefix("/api/")
        return self.request.build_absolute_uri(prefix + path)

    def page_response(self, rows: Any, serializer_class: type[BaseSerializer[Any]]) -> Response:
        """Reply with one page of other, already scoped and ordered rows."""
        page = self.paginate_queryset(rows)
        serializer = serializer_class(page, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(serializer.data)

    def check_precondition(self, pk: Any) -> None:
        """Honour `If-Match`: call it inside the transaction, with the row locked.

        Raises:
            StaleVersion: the row is no longer what the caller read.
        """
        wanted = self.request.headers.get("If-Match", "").strip()
        if not wanted or wanted == "*":
            return
        tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
        if self.etag_of(self.representation(pk)) not in tags:
            raise StaleVersion()


def etag_of(data: Any) -> str:
    """A strong entity tag: the hash of the representation, rendered or not, nested parts included."""
    body = data if isinstance(data, bytes) else ORJSONRenderer().render(data)
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


class ListMixin:
    """`GET /things/`."""

    def list(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Reply with one page of light rows."""
        reply: Response | None = answer_list(self)
        if reply is not None:
            return reply
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class RetrieveMixin:
    """`GET /things/{id}/`."""

    def retrieve(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Reply with one full row and its ETag, or 304 when the caller has it already."""
        pk = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        answered, data = answer_detail(self, pk)
        if not answered:
            try:
                data = self.get_serializer(self.get_object()).data
            except Http404:
                raise self.missing(pk) from None
        elif data is None:
            raise self.missing(pk)
        etag = self.etag_of(data)
        known = {
            tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")
        }
        if etag in known:
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag})
        return Response(data, headers={"ETag": etag})


class CreateMixin:
    """`POST /things/`."""

    def create(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Write one row and reply with it as the detail shows it."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with of_request():
            obj = self.perform_create(serializer)
            return self.created_response(obj.pk)

    def perform_create(self, serializer: Any) -> models.Model:
        """Save; override to call a service."""
        saved: models.Model = serializer.save()
        return saved


class UpdateMixin:
    """`PUT` and `PATCH /things/{id}/`."""

    @refuses(StaleVersion)
    def update(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Replace the writable fields, unless `If-Match` shows that the caller read an older row."""
        partial: bool = kwargs.pop("partial", False)
        with of_request():
            obj = self.get_locked_object()
            self.check_precondition(obj.pk)
            serializer = self.get_serializer(obj, data=request.data, partial=partial)
            serializer.is_valid(raise_exception=True)
            self.perform_update(serializer)
            return self.detail_response(obj.pk)

    @refuses(StaleVersion)
    def partial_update(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the given fields, unless `If-Match` shows that the caller read an older row."""
        return self.update(request, *args, partial=True, **kwargs)

    def perform_update(self, serializer: Any) -> None:
        """Save; override to call a service."""
        serializer.save()


class DestroyMixin:
    """`DELETE /things/{id}/`."""

    @refuses(StaleVersion)
    def destroy(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete one row, unless `If-Match` shows that the caller read an older one."""
        with of_request():
            obj = self.get_locked_object()
            self.check_precondition(obj.pk)
            self.perform_destroy(obj)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def perform_destroy(self, obj: Any) -> None:
        """Delete; override to call a service."""
        obj.delete()


class ReadOnlyViewSet(ListMixin, RetrieveMixin, ScopedViewSet):
    """List and detail."""


class CrudViewSet(ListMixin, RetrieveMixin, CreateMixin, UpdateMixin, DestroyMixin, ScopedViewSet):
    """All five."""


class ChildMixin:
    """Rows of a visible parent in the address: `/parents/{parent_id}/things/`.

    Attributes:
        parent_model: the parent's model; its `visible_to` decides first.
        parent_field: the foreign key to it; the address has `<parent_field>_id`.
    """

    parent_model: ClassVar[type[models.Model]]
    parent_field: ClassVar[str]

    @cached_property
    def parent(self: Any) -> Any:
        """The parent in the address, if the caller may see it."""
        visible = self.parent_model._default_manager.visible_to(self.caller)
        return get_object_or_404(visible, pk=self.kwargs[f"{self.parent_field}_id"])

    def initial(self: Any, request: Request, *args: Any, **kwargs: Any) -> None:
        """After the caller is known, find the parent."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self.parent  # noqa: B018 - looked up for its 404

    def check_visible(self) -> None:
        """The parent is looked for first."""
        self.parent  # noqa: B018 - looked up for its 404
        super().check_visible()  # type: ignore[misc]

    def narrow(self: Any, queryset: Any) -> Any:
        """Only the parent's rows, in the view's ordering."""
        return queryset.filter(**{self.parent_field: self.parent}).order_by(*self.ordering)
