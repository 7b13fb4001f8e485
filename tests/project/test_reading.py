"""What the read engine makes of the routes that there are."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.http import QueryDict
from django_filters import CharFilter

from crm_backend.common.filters import BooleanFilter, DayFilter, IdFilter, MomentFilter, NumberFilter
from crm_backend.common.read_engine import questions, shapes
from crm_backend.common.read_engine.engine import values_of
from crm_backend.site import reading
from crm_backend.site.reading import PLAIN, readings
from customers.views import CustomerViewSet


@pytest.fixture(scope="module")
def found():
    return list(readings())


def test_every_list_and_detail_is_compiled_or_somebody_chose_otherwise(found):
    assert len(found) > 100
    assert [reading.line() for reading in found if reading.is_refused] == []


def test_what_is_left_to_the_plain_path(found):
    plain = {(reading.address, reading.why) for reading in found if reading.way == PLAIN}
    assert plain == {("/api/customers/<int:pk>/", CustomerViewSet.plain_because)}


def test_no_reply_takes_more_than_its_rows_its_count_and_its_parent(found):
    assert {reading.queries for reading in found if reading.action == "retrieve"} <= {0, 1, 2}
    assert {reading.queries for reading in found if reading.action == "list"} <= {1, 2}


def test_the_command_lists_them():
    out = StringIO()
    call_command("read_engine", "--check", "--sql", stdout=out)
    assert "compiled  list      broker  /api/applications/  1 statement, lane" in out.getvalue()
    assert "compiled  list      broker  /api/applications/<int:application_id>/notes/  2 statements" in (
        out.getvalue()
    )
    assert "/api/applications/<int:pk>/timeline/  ApplicationViewSet.timeline makes its own" in out.getvalue()
    assert 'FROM "applications_application"' in out.getvalue()


# These compare with a date, or with today, and are answered by the plain path.
BY_DAY = {
    "accrued_after", "accrued_before", "due_after", "due_before", "is_overdue",
    "follow_up_after", "follow_up_before", "follow_up_due",
    "remind_after", "remind_before", "is_due",
}  # fmt: skip
EXAMPLES = {
    IdFilter: "5",
    NumberFilter: "7.5",
    MomentFilter: "2026-01-01T00:00:00Z",
    DayFilter: "2026-01-01",
    BooleanFilter: "true",
    CharFilter: "O'Neil",
}


def asked(view_class):
    """Each filter of a view with some value, and searches."""
    filters = getattr(questions.filterset_of(view_class), "base_filters", {})
    for name, one in filters.items():
        if name not in BY_DAY:
            text = next((text for kind, text in EXAMPLES.items() if isinstance(one, kind)), None)
            yield name, text or str(list(one.field.choices)[-1][0])
    yield "search", 'ab APP-12 "Uma Person"'


@pytest.mark.parametrize("role", ["admin", "client"])
def test_every_filter_and_search_is_compiled(role):
    seen = 0
    for address, view_class, action in reading._actions():
        if action != shapes.LIST:
            continue
        for name, text in asked(view_class):
            view = reading._view(view_class, action, role, address)
            view.request.query_params = QueryDict(mutable=True)
            view.request.query_params[name] = text
            question = questions.read(view)
            assert question is not None, (address, name)
            values = question.values | values_of(view)
            shapes.list_shape(view, question, values)  # raises Refused
            seen += 1
    assert seen > 50
