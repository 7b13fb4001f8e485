"""Rollups follow events: in any order, twice, and from several processes at once."""

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from applications.choices import Stage
from applications.models import Application
from applications.services.applications import application_update
from applications.services.stage import application_change_stage
from events.dispatcher import dispatch_pending
from events.models import Event
from notifications.models import Alert
from reports.choices import Grain, Grouping, Level, Topic
from reports.models import Cell, Due, Fact, RollupState
from reports.projections import mark_due
from reports.registry import REPORTS, Filters, compute
from reports.selectors import contributions, sums
from reports.selectors.reach import spans
from reports.services import rollups
from reports.services.rollups import (
    rollups_check,
    rollups_check_nightly,
    rollups_rebuild,
    rollups_refresh,
)
from reports.tasks import refresh_rollups
from servicing.dates import business_date
from servicing.models import Loan, NightlyRun
from servicing.services.fees import fee_add
from servicing.services.nightly import nightly
from servicing.services.payments import payment_record
from tests.factories import ApplicationFactory, BdmFactory, BrokerFactory, UserFactory
from tests.reports.books import loan_of, repayment
from tests.servicing import kit


def whole_book(topic=Topic.OPENED):
    return list(
        Cell.objects.filter(topic=topic, level=Level.BOOK, grain=Grain.YEAR)
        .exclude(count=0)
        .values_list("label", "count", "amount")
    )


def test_a_changed_application_is_counted_once_however_often_its_event_comes(world, db):
    rollups_rebuild()
    before = {label: count for label, count, _ in whole_book(Topic.STAGE)}
    application_change_stage(
        application=world.ours.application, to=Stage.SENT_TO_LENDER, actor=world.admin, reason=""
    )
    dispatch_pending()
    mark_due(list(Event.objects.filter(type="application.stage_changed")))
    assert rollups_refresh() == 1
    mark_due(list(Event.objects.order_by("-id")))
    rollups_refresh()
    after = {label: count for label, count, _ in whole_book(Topic.STAGE)}
    assert after == {**before, "inquiry": before["inquiry"] - 1, "sent_to_lender": 1}
    assert not Due.objects.exists()
    assert rollups_check() == (0, 0)


def test_a_deleted_application_is_taken_out(world, db):
    extra = ApplicationFactory(loan_amount=Decimal("123.45"))
    rollups_rebuild()
    ((_, count, amount),) = whole_book()
    Due.objects.create(application=extra.pk, since=datetime.now(UTC))
    extra.delete()
    rollups_refresh()
    assert whole_book() == [("", count - 1, amount - Decimal("123.45"))]
    assert not Fact.objects.filter(application=extra.pk).exists()


def test_a_night_on_which_held_money_pays_a_fee_is_counted(world, db):
    today = business_date()
    application = kit.settled(world.admin, on=today).application
    payment_record(application=application, actor=world.admin, amount=Decimal(100), received_on=today)
    later = today + timedelta(days=2)  # long before any repayment
    fee_add(application=application, actor=world.admin, fee_type="legal", amount=Decimal(50), due_date=later)
    nightly(today)
    dispatch_pending()
    rollups_rebuild()
    rollups_refresh()
    nightly(later)
    dispatch_pending()
    rollups_refresh()
    assert ("unapplied", 1, Decimal("-50.00")) in whole_book(Topic.OWED)
    assert rollups_check() == (0, 0)


def test_the_check_finds_a_wrong_cell_and_a_stale_fact_and_raises_one_alert(world, db):
    rollups_rebuild()
    Cell.objects.filter(pk=Cell.objects.first().pk).update(count=7)
    Application.objects.filter(pk=world.ours.application.pk).update(loan_amount=1)
    assert rollups_check() == (1, 1)
    NightlyRun.objects.create(
        business_date=business_date(),
        status="done",
        started_at=datetime.now(UTC),
        finished_at=datetime.now(UTC),
    )
    assert rollups_check_nightly()
    assert not rollups_check_nightly()  # once a day
    assert Alert.objects.get(key="reports:rollups").priority == "high"
    rollups_rebuild(anew=True)
    assert rollups_check() == (0, 0)


def test_reports_are_read_while_rollups_still_know_somebody_who_was_deleted(world, db):
    gone, broker = BdmFactory(), BrokerFactory()
    bd_id = gone.pk
    application = ApplicationFactory(bd=gone, broker=broker)
    rollups_rebuild()
    Application.objects.filter(pk=application.pk).update(bd=None, broker=None)
    for row in (gone, broker):
        row.delete()
    volume = compute(REPORTS["application-volume"], world.admin, Filters()).data
    assert {row["bd_id"]: row["bd_name"] for row in volume["bd_breakdown"]}[bd_id] == ""
    brokers = compute(REPORTS["broker-performance"], world.admin, Filters()).data
    assert "" in {row["broker_name"] for row in brokers["brokers"]}


def test_a_reply_says_since_when_something_is_not_counted(world, db):
    rollups_rebuild()
    long_ago = datetime(2024, 5, 1, tzinfo=UTC)
    Event.objects.update(projected_at=long_ago, dispatched_at=long_ago)
    admin, volume = UserFactory(role="admin"), REPORTS["application-volume"]
    assert compute(volume, admin, Filters()).as_of > datetime.now(UTC) - timedelta(minutes=1)
    Due.objects.create(application=world.ours.application.pk, since=long_ago)
    assert compute(volume, admin, Filters()).as_of == long_ago


def night(day, **fields):
    return NightlyRun.objects.create(business_date=day, started_at=fields.pop("started_at", NOON), **fields)


NOON = datetime(2024, 5, 1, 2, tzinfo=UTC)


def test_a_night_is_not_counted_until_its_applications_are(world, db):
    rollups_rebuild()
    version = loan_of(world.ours.application, "5000", date(2024, 1, 31))
    Loan.objects.filter(pk=version.loan_id).update(accrued_to=date(2024, 4, 30))
    repayment(version, 1, date(2024, 5, 1), "100")
    Event.objects.update(projected_at=NOON, dispatched_at=NOON)
    admin, volume = UserFactory(role="admin"), REPORTS["application-volume"]
    running = night(date(2024, 5, 1), started_at=NOON)
    # It charges as it goes, and there is no event for each.
    assert compute(volume, admin, Filters()).as_of == NOON
    rollups_refresh()
    assert compute(volume, admin, Filters()).as_of == NOON
    NightlyRun.objects.filter(pk=running.pk).update(status="done", finished_at=NOON)
    # The first night ever, after a rebuild, counts as well.
    assert rollups_refresh() == 1
    assert compute(volume, admin, Filters()).as_of > datetime.now(UTC) - timedelta(minutes=1)
    # The next one has no repayment that falls due, and nothing that was accrued at the end of April.
    night(date(2024, 5, 2), status="done", finished_at=NOON)
    assert rollups_refresh() == 0
    # The night after the end of May accrues.
    Loan.objects.filter(pk=version.loan_id).update(accrued_to=date(2024, 5, 31))
    night(date(2024, 6, 1), status="done", finished_at=NOON)
    assert rollups_refresh() == 1
    assert rollups_check() == (0, 0)


def test_a_book_too_large_for_its_rows_is_refused_in_time_while_it_is_counted(world, api, monkeypatch):
    # In the part that adds no rows, because any other may not be looked at when there is nothing to join.
    slow = contributions._NOTHING.replace("WHERE false", "WHERE pg_sleep(5) IS NULL")
    assert slow != contributions._NOTHING
    monkeypatch.setattr(contributions, "_NOTHING", slow)
    monkeypatch.setattr(sums, "ROWS_MS", 100)
    client = api(world.admin)
    for address in (
        "reports/application-volume",
        "analytics/dashboard",
        "analytics/revenue",
        "analytics/team",
    ):
        reply = client.get(f"/api/{address}/")
        assert (reply.status_code, reply.json()["code"]) == (503, "reports_not_ready")
    # The limit was for that statement only.
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() != ("100ms",)


@pytest.mark.django_db(transaction=True)
def test_writers_and_counters_side_by_side_lose_nothing():
    admin = UserFactory(role="admin")
    applications = [ApplicationFactory(loan_amount=Decimal(100)) for _ in range(4)]
    rollups_rebuild()
    failed = []

    def run(work):
        try:
            for turn in range(6):
                work(turn)
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failed.append(error)
        finally:
            connection.close()

    def write(application):
        return lambda turn: application_update(
            application=Application.objects.get(pk=application.pk), actor=admin, loan_amount=Decimal(turn + 1)
        )

    def count(turn):
        dispatch_pending()
        rollups_refresh()

    works = [*map(write, applications), count, count]
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    dispatch_pending()
    rollups_refresh()
    assert whole_book() == [("", 4, Decimal("24.00"))]
    assert rollups_check() == (0, 0)
    assert RollupState.objects.get().is_whole


@pytest.mark.parametrize(
    ("first", "last", "cells"),
    [
        ((2024, 1, 1), (2024, 12, 31), [(Grain.YEAR, 1, (2024, 1, 1), (2024, 1, 1))]),
        ((2024, 2, 29), (2024, 2, 29), [(Grain.DAY, 1, (2024, 2, 29), (2024, 2, 29))]),
        ((2024, 2, 1), (2024, 2, 29), [(Grain.MONTH, 1, (2024, 2, 1), (2024, 2, 1))]),
        (
            (2024, 2, 1), (2024, 2, 28),
            [(Grain.MONTH, 1, (2024, 2, 1), (2024, 2, 1)), (Grain.DAY, -1, (2024, 2, 29), (2024, 2, 29))],
        ),
        (
            (2023, 11, 1), (2024, 10, 31),
            [
                (Grain.YEAR, 1, (2024, 1, 1), (2024, 1, 1)),
                (Grain.MONTH, 1, (2023, 11, 1), (2023, 12, 1)),
                (Grain.MONTH, -1, (2024, 11, 1), (2024, 12, 1)),
            ],
        ),
        ((2024, 3, 2), (2024, 3, 1), []),
        (None, None, [(Grain.EVER, 1, (1, 1, 1), (1, 1, 1))]),
    ],
)  # fmt: skip
def test_a_period_is_made_of_few_cells(first, last, cells):
    start, end = (None if day is None else date(*day) for day in (first, last))
    found = [
        (one.grain, one.sign, one.first.timetuple()[:3], one.last.timetuple()[:3])
        for one in spans(start, end, None)
    ]
    assert found == cells


@pytest.mark.parametrize("grouping", [None, *Grouping])
@pytest.mark.parametrize("start", [date(2023, 11, 20), date(2024, 1, 1), date(2024, 2, 29)])
def test_any_period_covers_each_of_its_days_once(start, grouping):
    for length in range(0, 800, 13):
        last = start + timedelta(days=length)
        covered = Counter()
        for one in spans(start, last, grouping):
            day = one.first
            while day <= one.last:
                for each in _days(one.grain, day):
                    covered[each] += one.sign
                day = _after(one.grain, day)
        inside = {start + timedelta(days=n) for n in range(length + 1)}
        assert {day: times for day, times in covered.items() if times} == dict.fromkeys(inside, 1)


def _after(grain, day):
    if grain is Grain.DAY:
        return day + timedelta(days=1)
    if grain is Grain.YEAR:
        return date(day.year + 1, 1, 1)
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _days(grain, day):
    end = _after(grain, day)
    return [day + timedelta(days=n) for n in range((end - day).days)]


def test_a_check_is_done_again_when_rollups_were_rebuilt_meanwhile(world, db, monkeypatch):
    rollups_rebuild()
    differences, asked = rollups._differences, []

    def disturbed():
        asked.append(1)
        if len(asked) == 1:
            rollups_rebuild(anew=True)
            return 9, 9
        return differences()

    monkeypatch.setattr(rollups, "_differences", disturbed)
    assert rollups_check() == (0, 0)
    assert len(asked) == 2


@pytest.mark.django_db(transaction=True)
def test_readers_see_whole_figures_while_rollups_are_rebuilt():
    admin = UserFactory(role="admin")
    for _ in range(3):
        ApplicationFactory(loan_amount=Decimal(100))
    rollups_rebuild()
    found: Counter[int] = Counter()
    failed = []
    over = threading.Event()

    def read():
        try:
            while not over.is_set():
                data = compute(REPORTS["application-volume"], admin, Filters()).data
                found[data["total_applications"]] += 1
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(12):
        assert rollups_rebuild(anew=True)
    over.set()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert list(found) == [3]


@pytest.fixture
def making(monkeypatch):
    """Cells are made by somebody else, who has begun and waits to be let go on."""
    for _ in range(3):
        ApplicationFactory(loan_amount=Decimal(100))
    make, made, begun, end = rollups._make_cells, [], threading.Event(), threading.Event()

    def slow():
        made.append(1)
        begun.set()
        assert end.wait(30)
        make()

    def other():
        rollups_refresh()
        connection.close()

    monkeypatch.setattr(rollups, "_make_cells", slow)
    thread = threading.Thread(target=other)
    thread.start()
    assert begun.wait(30)
    yield made, end
    end.set()
    thread.join(30)


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_a_rebuild_does_not_do_it_again(making):
    made, end = making
    threading.Timer(0.5, end.set).start()
    assert rollups_refresh() == 0
    assert made == [1]
    assert rollups_check() == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_worker_has_other_things_to_do_than_to_wait_for_a_rebuild(making):
    assert refresh_rollups() == 0
    assert not RollupState.objects.get().is_whole


@pytest.mark.django_db(transaction=True)
def test_who_reads_a_table_for_long_holds_up_no_rebuild_and_no_reader():
    ApplicationFactory()
    rollups_rebuild()
    with transaction.atomic():
        before = list(Cell.objects.values_list("topic", "count"))

        def rebuild():
            rollups_rebuild(anew=True)
            connection.close()

        thread = threading.Thread(target=rebuild)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        assert sorted(Cell.objects.values_list("topic", "count")) == sorted(before)
    assert rollups_check() == (0, 0)
