"""When `./crm test` asks for coverage: of the whole suite only."""

import pytest

from crm_backend.embedded.__main__ import is_selection


@pytest.mark.parametrize(
    "arguments", [[], ["-n", "4"], ["-n0"], ["--junitxml=var/reports/junit.xml"], ["-q", "--durations=5"]]
)
def test_the_whole_suite_has_to_cover_enough(arguments):
    assert not is_selection(arguments)


@pytest.mark.parametrize(
    "arguments", [["tests/integration"], ["-k", "stages"], ["-m", "not slow"], ["-x", "--lf"]]
)
def test_a_selection_does_not(arguments):
    assert is_selection(arguments)
