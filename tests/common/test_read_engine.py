"""What the read engine keeps of a request's shape, what it leaves to the request, and what it refuses."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Q
from django.test.utils import override_settings

from applications.models import Application
from borrowers.models import Borrower
from brokers.models import Branch
from crm_backend.common.read_engine import engine, shapes
from crm_backend.common.read_engine.columns import shown_time
from crm_backend.common.read_engine.errors import Refused, Undeclared
from crm_backend.common.read_engine.plans import compile_serializer, select
from crm_backend.common.read_engine.rows import RowMaker
from crm_backend.common.read_engine.statements import Unusual, compile_statement
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer
from tests.factories import ApplicationFactory, BorrowerFactory, BranchFactory

pytestmark = pytest.mark.django_db


def both(client, path, query=None):
    """What either path answers: status, body, ETag."""
    named = {"headers": {"X-Request-ID": "the-same-for-both"}}
    with override_settings(READ_ENGINE=False):
        plain = client.get(path, query, **named)
    fast = client.get(path, query, **named)
    return [(reply.status_code, reply.content, reply.get("ETag")) for reply in (plain, fast)]


# --- values and slots ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Smith", "100%_\\ 'x' \"y\" $1 {} %s"),
        ("ﬁne", "İSTANBUL ß ς"),
        ("\ue0a51000\ue0a6", "\ue0a52000\ue0a6%_\\"),  # as if made up
        ("a", "x" * 3000),
    ],
)
def test_a_statement_made_for_one_text_is_right_for_another(one, other):
    def build(given):
        text = given("text", "")
        return Borrower.objects.filter(Q(last_name__icontains=text) | Q(company_name=text)).values_list("pk")

    statement = compile_statement(build, {"text": one})
    for text in (one, other, "nowhere"):
        BorrowerFactory.create(last_name=f"O'{text[:40]}-Jones", company_name=text[:40])
        found = sorted(statement.run({"text": text}))
        assert found == sorted(build(lambda name, like, text=text: text)), text


def test_a_statement_made_for_one_value_is_right_for_another():
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [ApplicationFactory.create(loan_amount=Decimal(amount)) for amount in ("1.00", "2.50", "9.00")]

    def build(given):
        return Application.objects.filter(
            loan_amount__gte=given("least", Decimal(0)), created_at__gte=given("since", moment)
        ).values_list("pk")

    statement = compile_statement(build, {"least": Decimal(99999), "since": moment})
    assert len(statement.run({"least": Decimal("2.5"), "since": moment})) == 2
    assert len(statement.run({"least": Decimal("-1e30"), "since": moment})) == len(rows)
    assert statement.run({"least": Decimal(0), "since": datetime.max.replace(tzinfo=UTC)}) == []


@pytest.mark.parametrize("lookup", ["exact", "lte", "gte"])
def test_a_small_column_has_a_slot_too(lookup):
    """Of a number beyond the column Django makes no condition, whoever asks for it first."""

    def build(given):
        return Application.objects.filter(**{f"loan_term__{lookup}": given("months", 1)}).values_list("pk")

    with pytest.raises(Refused):
        compile_statement(build, {"months": 99_999})
    statement = compile_statement(build, {"months": 12})
    pk = ApplicationFactory.create(loan_term=360).pk
    assert statement.run({"months": 360}) == [(pk,)]
    assert statement.run({"months": 361 if lookup != "lte" else 359}) == []
    with pytest.raises(Unusual):
        statement.run({"months": 99_999})


REFUSED = {
    "counted with": lambda given: Q(pk=given("pk", 1) + 1),
    "another type": lambda given: Q(name=str(given("pk", 1))),
    "by its value": lambda given: Q(pk=1) if given("pk", 1) == 7 else Q(pk=given("pk", 1)),
    "present time": lambda given: Q(pk=given("pk", 1), created_at__lte=datetime.now(UTC)),
    "other case": lambda given: Q(name=given("text", "").upper()),
    "stripped": lambda given: Q(name=given("text", "").strip()),
    "asked before": lambda given: Q(pk__in=list(Branch.objects.filter(pk=given("pk", 1)).values_list("pk"))),
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED)
def test_what_depends_on_a_value_in_another_way_is_refused(build):
    with pytest.raises(Refused):
        compile_statement(
            lambda given: Branch.objects.filter(build(given)).values_list("pk"), {"pk": 7, "text": "NSW"}
        )


# --- shapes -------------------------------------------------------------------------------------------


def test_shapes_are_few_and_refusals_are_kept(monkeypatch):
    monkeypatch.setattr(shapes, "MAX_SHAPES", 2)
    kept: Any = shapes.Shapes()
    made = []

    def make(name):
        made.append(name)
        if name == "odd":
            raise Refused("odd")
        return name

    for name in ("odd", "a", "odd", "b", "odd", "a"):
        found = kept.get(name, lambda name=name: make(name))
        assert found == (None if name == "odd" else name)
    assert made == ["odd", "a", "b", "a"]  # the latest two are kept


@pytest.mark.parametrize(
    "query",
    [
        "cursor=made-up&limit=0",
        "cursor=made-up&fields=shoe_size",
        "limit=0&expand=shoe_size",
        "branch=none&fields=shoe_size",
        "ordering=-loan_amount,loan_amount&cursor=",
        "stage=inquiry&stage=settled",
        "stage=&branch=&search=&ordering=",
        "max_loan_amount=-1e30",
        "min_interest_rate=NaN",
        "created_before=0001-01-01T00:00:00%2B14:00",
        "date_to=9999-12-31",
        "branch=9223372036854775808",
        "search=%25_%5C%27%22",
        "search=ﬁ%20ß%20İ",
        "client_reference=%00",
        "fields=,",
        "format=xml",
    ],
)
def test_odd_requests_are_answered_as_the_plain_path_does(world, api, query):
    plain, fast = both(api(world.admin), f"/api/applications/?{query}")
    assert fast == plain


@pytest.mark.parametrize(
    "query", ["", "?fields=id,stage", "?fields=shoe_size", "?expand=borrowers", "?format=xml"]
)
@pytest.mark.parametrize("whose", ["ours", "theirs", "beyond"])
def test_details_are_answered_as_the_plain_path_does(world, api, whose, query):
    pk = 10**30 if whose == "beyond" else getattr(world, whose).application.pk
    for client in (api(world.ours.broker_user), api(world.theirs.client_user)):
        plain, fast = both(client, f"/api/applications/{pk}/{query}")
        assert fast == plain


def test_a_cursor_of_another_ordering_or_reader_is_read_the_same(world, api):
    admin, broker = api(world.admin), api(world.ours.broker_user)
    ApplicationFactory.create(broker=world.ours.broker, branch=world.ours.branch)
    following = broker.get("/api/applications/?cursor=&limit=1").json()["next"]
    for client, path in ((admin, following), (broker, following), (broker, f"{following}&ordering=id")):
        plain, fast = both(client, path)
        assert fast == plain


# --- light rows ---------------------------------------------------------------------------------------


def test_a_light_row_has_what_was_declared_and_nothing_else():
    row = RowMaker(Borrower, columns=[("first_name", 0, None), ("last_name", 1, None)])(("Ann", "Lee"))
    assert (row.first_name, row.last_name) == ("Ann", "Lee")
    with pytest.raises(Undeclared, match=r"Borrower\.tax_id"):
        row.tax_id  # noqa: B018 - that is the test


class Named(ModelSerializer):
    class Meta:
        model = Branch
        fields = ["id", "name", "code"]
        read_only_fields = fields


class Masked(Named):
    @reads("state")
    def conceal(self, shown, instance):
        return {**shown, "code": "" if instance.state == "NSW" else shown.get("code")}


class MaskedSelected(Masked):
    selected = frozenset({"name"})


class Careless(Named):
    def conceal(self, shown, instance):
        return shown


class OwnWay(Named):
    def to_representation(self, instance):
        return {}


def shown_by(serializer):
    rows = Branch.objects.order_by("pk")
    plan, selection = compile_serializer(serializer(), rows)
    made = compile_statement(lambda given: select(rows, selection), {})
    fast = [plan.make(row) for row in made.run({})]
    assert fast == serializer(rows, many=True).data
    return fast


def test_masks_are_made_of_columns_that_are_not_shown():
    BranchFactory.create(name="Here", code="H", state="NSW")
    BranchFactory.create(name="There", code="T", state="VIC")
    assert [row["code"] for row in shown_by(Masked)] == ["", "T"]


def test_a_mask_shows_no_member_that_was_not_selected():
    BranchFactory.create(name="Here", state="NSW")
    assert shown_by(MaskedSelected) == [{"name": "Here"}]


@pytest.mark.parametrize(("serializer", "why"), [(Careless, "does not declare"), (OwnWay, "of its own")])
def test_serializers_with_ways_of_their_own_are_refused(serializer, why):
    with pytest.raises(Refused, match=why):
        compile_serializer(serializer(), Branch.objects.all())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-31 09:30:00+00", "2026-01-31T09:30:00Z"),
        ("2026-01-31 09:30:00.5+00", "2026-01-31T09:30:00.500000Z"),
        ("0099-12-31 23:59:59.999999+00", "0099-12-31T23:59:59.999999Z"),
    ],
)
def test_times_are_shown_as_rest_framework_shows_them(text, shown):
    assert shown_time(text) == shown
    assert datetime.fromisoformat(text).isoformat().replace("+00:00", "Z") == shown


def test_a_time_of_another_zone_is_not_guessed():
    with pytest.raises(ValueError, match="11"):
        shown_time("2026-01-31 09:30:00+11")


# --- kept counts --------------------------------------------------------------------------------------


def test_a_kept_count_is_counted_anew_after_any_write(world, api, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(engine, "COUNTED", 0)
    client, path = api(world.admin), "/api/borrowers/?limit=1"
    before = client.get(path).json()["count"]
    with django_assert_max_num_queries(1):  # the rows alone
        assert client.get(path).json()["count"] == before
    body = {"borrower_type": "individual", "first_name": "Ann", "last_name": "Lee"}
    made = client.post("/api/borrowers/", body, format="json")
    assert made.status_code == 201, made.content
    assert client.get(path).json()["count"] == before + 1
    assert client.delete(f"/api/borrowers/{made.json()['id']}/").status_code == 204
    assert client.get(path).json()["count"] == before


def test_a_kept_count_is_of_its_own_question_and_reader(world, api, monkeypatch):
    monkeypatch.setattr(engine, "COUNTED", 0)
    for client in (api(world.admin), api(world.ours.broker_user), api(world.theirs.broker_user)):
        for query in ("", "&search=ours", "&search=theirs", "&borrower_type=company", "&state=NSW"):
            for _ in range(2):
                plain, fast = both(client, f"/api/borrowers/?limit=1{query}")
                assert fast == plain
