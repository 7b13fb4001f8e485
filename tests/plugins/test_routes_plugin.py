"""The plugin on a project of two views, in a run of its own."""

import json
import os
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
SECRET_KEY = "not-secret-but-long-enough-for-hs256"
ROOT_URLCONF = "mini_urls"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["rest_framework", "drf_spectacular"]
REST_FRAMEWORK = {
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
}
"""
URLS = """
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView


class EchoSerializer(serializers.Serializer):
    text = serializers.CharField()


class EchoView(APIView):
    public = "a test"

    @extend_schema(responses=EchoSerializer)
    def get(self, request):
        return Response({"text": "hello"})

    @extend_schema(request=EchoSerializer, responses=EchoSerializer)
    def post(self, request):
        serializer = EchoSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.data)


urlpatterns = [path("echo/", EchoView.as_view())]
"""
TESTS = """
from rest_framework.test import APIClient


def test_reading():
    assert APIClient().get("/echo/").status_code == 200


def test_another_method():
    assert APIClient().delete("/echo/").status_code == 405


def test_writing():
    assert APIClient().post("/echo/", {"text": "hello"}).status_code == 200
"""
INVALID = """

def test_invalid_input():
    assert APIClient().post("/echo/", {}).status_code == 400
"""
ASYNC = """
import asyncio

from django.test import AsyncClient


def test_invalid_input_through_the_async_handler():
    assert asyncio.run(AsyncClient().post("/echo/", {})).status_code == 400
"""
GAP = "*Not exercised: POST /echo/: invalid input"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Two views and the tests of all their cases but one."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mini_settings")
    # Only the plugins that a test names: a run then takes a second or two.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pytester.path), str(ROOT)]))
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeini("[pytest]\ntestpaths = .\nroute_exemptions = mini_exemptions\nmarkers = slow\n")
    pytester.makepyfile(mini_settings=SETTINGS, mini_urls=URLS, test_echo=TESTS)
    pytester.makeconftest("import django\n\ndjango.setup()")
    exempt(pytester, "")
    return pytester


def exempt(project: pytest.Pytester, entries: str) -> None:
    """Write the project's table of exemptions."""
    text = f"from tests.plugins.route_table import Case\nEXEMPTIONS = {{{entries}}}\n"
    (project.path / "mini_exemptions.py").write_text(text)


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """A run in a process of its own."""
    return project.runpytest_subprocess("-p", "tests.plugins.routes", *arguments)


def add(project: pytest.Pytester, tests: str) -> None:
    """Add tests."""
    with (project.path / "test_echo.py").open("a") as file:
        file.write(tests)


def test_a_full_run_with_a_gap_fails_and_names_it(project):
    result = run(project)
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([GAP])


def test_a_full_run_without_gaps_passes_and_writes_the_table(project):
    add(project, INVALID)
    result = run(project)
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.OK
    table = json.loads((project.path / "var/reports/routes.json").read_text())
    assert (table["gaps"], table["stale_exemptions"]) == ([], [])
    assert table["operations"][1]["statuses"] == {"200": 1, "400": 1}
    assert table["operations"][1]["cases"] == {
        "success": "1",
        "no token": "–",
        "expired token": "–",
        "wrong role": "–",
        "missing object": "–",
        "invalid input": "1",
        "wrong method": "–",
    }
    assert "| POST /echo/ | 1 | – | – | – | – | 1 | – |" in (
        project.path / "var/reports/routes.md"
    ).read_text(encoding="utf-8")


def test_requests_through_the_async_handler_count(project):
    add(project, ASYNC)
    result = run(project)
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.OK


def test_counts_of_parallel_workers_are_added_up(project):
    add(project, INVALID)
    result = run(project, "-p", "xdist", "-n", "2", "--dist", "load")
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.OK


def test_an_exemption_closes_a_gap(project):
    exempt(project, '("POST", "/echo/", Case.INVALID_INPUT): "for the test"')
    result = run(project)
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('("GET", "/gone/", Case.SUCCESS)', "GET /gone/: success: there is no such operation (for the test)"),
        ('("GET", "/echo/", Case.SUCCESS)', "GET /echo/: success: was exercised 1 times (for the test)"),
        ('("GET", "/echo/", Case.NO_TOKEN)', "GET /echo/: no token: does not apply (for the test)"),
    ],
)
def test_a_stale_exemption_fails_the_run(project, entry, why):
    add(project, INVALID)
    exempt(project, f'{entry}: "for the test"')
    result = run(project)
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"Stale exemption: {why}"])


@pytest.mark.parametrize(
    "selection", [["-k", "reading or writing"], ["-m", "slow or not slow"], ["test_echo.py"]]
)
def test_a_selection_of_tests_is_reported_only(project, selection):
    result = run(project, *selection)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*Not exercised*")
    result.stdout.fnmatch_lines(["2 operations on 1 routes; *"])


def test_leaving_out_slow_tests_is_still_a_full_run(project):
    result = run(project, "-m", "not slow")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([GAP])


def test_a_selection_can_be_made_to_count_as_full(project):
    result = run(project, "--routes=enforce", "-k", "reading")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([GAP])


def test_it_can_be_turned_off(project):
    result = run(project, "--routes=off")
    assert result.ret == pytest.ExitCode.OK
    assert not (project.path / "var").exists()


def test_every_run_leaves_a_junit_file_and_one_line_per_failure(project):
    add(project, "\n\ndef test_that_fails():\n    assert 1 == 2, 'numbers\\ndiffer'\n")
    result = run(project, "-p", "tests.plugins.reports", "--routes=off")
    result.assert_outcomes(passed=3, failed=1)
    reports = project.path / "var/reports"
    assert (reports / "junit.xml").read_text().count("<testcase") == 4
    assert (reports / "failed.log").read_text() == (
        "test_echo.py::test_that_fails [call] AssertionError: numbers differ assert 1 == 2\n"
    )
