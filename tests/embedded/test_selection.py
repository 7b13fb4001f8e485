"""What `./crm test` asks of pytest: which tests, and whether the whole suite has to cover enough."""

import pytest

from crm_backend.embedded.__main__ import is_selection, pytest_arguments

NOTHING_LEFT_OUT = [[], ["-n", "4"], ["-n0"], ["--junitxml=var/reports/junit.xml"], ["-q", "--durations=5"]]
SELECTIONS = [["tests/integration"], ["-k", "stages"], ["-m", "not slow"], ["-x", "--lf"]]


@pytest.mark.parametrize("arguments", NOTHING_LEFT_OUT)
def test_the_whole_suite_is_no_selection(arguments):
    assert not is_selection(arguments)


@pytest.mark.parametrize("arguments", SELECTIONS)
def test_some_tests_are(arguments):
    assert is_selection(arguments)


@pytest.mark.parametrize("arguments", NOTHING_LEFT_OUT)
def test_without_a_selection_slow_tests_are_left_out(arguments):
    asked = pytest_arguments(arguments)
    assert asked[asked.index("-m") + 1] == "not slow"
    assert "--cov" not in asked


@pytest.mark.parametrize("arguments", NOTHING_LEFT_OUT)
def test_all_of_them_have_to_cover_enough(arguments):
    asked = pytest_arguments(["--all", *arguments])
    assert "--cov" in asked
    assert not {"-m", "--all", "--cov-fail-under=0"} & set(asked)


@pytest.mark.parametrize("arguments", SELECTIONS)
def test_a_selection_is_run_as_it_is_asked_for(arguments):
    assert pytest_arguments(["-n", "3", *arguments]) == ["-n", "3", *arguments]
    assert pytest_arguments(["--all", *arguments])[-len(arguments) :] == arguments
    assert "--cov-fail-under=0" in pytest_arguments(["--all", *arguments])
