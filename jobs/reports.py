"""The report of a job as a file."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from crm_backend.common.downloads import Column, Download, table_download
from jobs.models import Job
from jobs.registry import REGISTRY
from jobs.serializers import JobRowSerializer

CHUNK = 500


def report_download(job: Job, *, form: str) -> Download:
    """What came of each row of a job's input, in order: `csv`, or a `json` array."""
    rows = (JobRowSerializer(row).data for row in job.rows.order_by("number").iterator(chunk_size=CHUNK))
    if form == "json":
        name = f"job-{job.pk}"
        return Download(_json_parts(rows), media_type="application/json", name=name, extension="json")
    kind = REGISTRY.get(job.kind)
    own = kind.columns if kind else ()
    columns = [Column(name) for name in ("row", "outcome", *own, "errors")]
    lines = (
        [row["row"], row["outcome"], *(row.get(name, "") for name in own), _sentence(row["errors"])]
        for row in rows
    )
    return table_download("csv", columns, lines, name=f"job-{job.pk}")


def _sentence(errors: Mapping[str, list[str]]) -> str:
    return " ".join(f"{column}: {' '.join(messages)}" for column, messages in errors.items())


def _json_parts(rows: Iterator[Any]) -> Iterator[bytes]:
    before = b"["
    for row in rows:
        yield before + orjson.dumps(row)
        before = b",\n"
    yield b"[]" if before == b"[" else b"]"
