"""The loan that the documentation works out by hand is what the API answers, and what is drawn."""

import json
import re
from pathlib import Path
from runpy import run_path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "servicing.md").read_text()
ROW = re.compile(
    r"^\| (\d+) \| (\d{4}-\d\d-\d\d) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$",
    re.MULTILINE,
)
NAMES = ("number", "due_date", "days", "interest", "principal", "total", "balance")


@pytest.mark.django_db
def test_the_api_answers_what_the_document_works_out(world, api):
    given = json.loads(re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)[1])
    reply = api(world.ours.client_user).post("/api/schedules/preview/", given)
    assert reply.status_code == 200
    rows = [
        {
            name: int(value) if name in {"number", "days"} else value
            for name, value in zip(NAMES, row, strict=True)
        }
        for row in ROW.findall(TEXT)
    ]
    assert len(rows) == 12
    assert reply.json()["instalments"] == rows
    sums = re.search(r"^\| \| \| \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| \|$", TEXT, re.MULTILINE).groups()
    assert reply.json()["totals"] == dict(zip(("interest", "principal", "total"), sums, strict=True))


def test_the_picture_is_drawn_from_the_table():
    script = run_path(str(ROOT / "scripts" / "draw_schedule.py"))
    assert (ROOT / "docs" / "images" / "schedule.svg").read_text() == script["drawing"](TEXT)
