"""The one real server of a session, started by the first test that asks for it."""

from collections.abc import Generator, Iterator

import pytest

from tests.e2e.server import UNMARKED, RunningServer, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The repository as checked out, on its default profile.

    Its pictures have no marks in their pixels, by which two equal ones would differ.
    """
    with running_server(tmp_path_factory.mktemp("server"), policy=UNMARKED) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of the server's log to the report of a test that failed."""
    report = yield
    running = getattr(item, "funcargs", {}).get("server")
    if report.failed and isinstance(running, RunningServer):
        report.sections.append(("end of Triton's log", running.log()[-4000:]))
    return report
