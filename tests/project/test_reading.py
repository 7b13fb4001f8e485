"""What the read engine makes of the routes that there are."""

from io import StringIO

import pytest
from django.core.management import call_command

from crm_backend.site.reading import PLAIN, readings


@pytest.fixture(scope="module")
def found():
    return list(readings())


def test_every_list_and_detail_is_compiled_or_somebody_chose_otherwise(found):
    assert len(found) > 100
    assert [reading.line() for reading in found if reading.is_refused] == []


def test_what_is_left_to_the_plain_path(found):
    assert {(reading.address, reading.why) for reading in found if reading.way == PLAIN} == set()


def test_no_reply_takes_more_than_its_rows_its_count_and_its_parent(found):
    assert {reading.queries for reading in found if reading.action == "retrieve"} <= {0, 1, 2}
    assert {reading.queries for reading in found if reading.action == "list"} <= {1, 2, 3}


def test_the_command_lists_them():
    out = StringIO()
    call_command("read_engine", "--check", "--sql", stdout=out)
    assert "compiled  list      broker  /api/applications/  2 statements" in out.getvalue()
    assert 'FROM "applications_application"' in out.getvalue()
