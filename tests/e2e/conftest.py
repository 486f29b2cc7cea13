"""The real servers of a session, each started by the first test that asks for it."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from instantid_client import Client
from instantid_client.cli import main
from instantid_server.trust.keys import ISSUERS_FOLDER
from scripts.known_keys import make_known_keys
from tests.e2e.photos import DATA
from tests.e2e.server import LENIENT, RunningServer, running_server

ISSUER = "studio"
ISSUER_KEY = f"{ISSUER}.pem"
PROTECTED = DATA / "portrait_6.png"
# Drawn people look alike, so a face counts as the protected one from a higher cosine on.
ACCOUNTABLE = """
[verify]
per_minute = {questions}
[protected]
registry = "{registry}"
threshold = 0.7
"""
QUESTIONS = 30  # of `verify` a minute; more than all tests but one ask together


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The repository as checked out, on its default profile.

    Its pictures have no marks in their pixels, by which two equal ones would differ, and nobody
    needs a consent.
    """
    with running_server(tmp_path_factory.mktemp("server"), policy=LENIENT) as running:
        yield running


@dataclass(frozen=True)
class Accountable:
    """A server that holds everybody to account, and where its keys and records are."""

    server: RunningServer
    client: Client
    folder: Path


@pytest.fixture(scope="session")
def accountable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accountable]:
    """The repository as checked out with the policy as it is by default, but for the questions.

    It believes one issuer of consents beside those that every server does.
    """
    folder = tmp_path_factory.mktemp("accountable")
    keys = folder / "keys"
    make_known_keys(keys)
    arguments = ["consent", "issuer", str(folder), ISSUER]
    assert main(arguments) == 0
    (folder / f"{ISSUER}.toml").rename(keys / ISSUERS_FOLDER / f"{ISSUER}.toml")
    registry = folder / "protected.jsonl"
    files = ["--keys", str(keys), "--registry", str(registry)]
    files += ["--signing-key", str(folder / "registry_key.pem")]
    assert main(["protect", "init", *files]) == 0
    assert main(["protect", "add", str(PROTECTED), "--reason", "court", *files]) == 0
    policy = ACCOUNTABLE.format(questions=QUESTIONS, registry=registry)
    with (
        running_server(folder, policy=policy) as server,
        Client(server.grpc_url, timeout_s=120) as client,
    ):
        yield Accountable(server, client, folder)


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
