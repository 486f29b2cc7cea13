"""What an operator sees of a real server's requests."""

import json
import re
from typing import Any
from urllib.request import urlopen

import pytest

from instantid_client import Client, FaceNotFound
from instantid_server.observe.metrics import METRICS, MetricKind
from tests.e2e.patience import wait_until
from tests.e2e.photos import NO_FACE, PORTRAIT
from tests.e2e.server import RunningServer

pytestmark = pytest.mark.triton

PROMPT = "a person with a secret wish"
MODEL = 'model="instantid_stream"'
REQUEST_ID = "observed-1"
PATIENCE_S = 30.0  # metrics are published once a second, on cores that may be busy


def page(server: RunningServer) -> str:
    with urlopen(f"http://{server.metrics_url}/metrics") as answer:
        return str(answer.read().decode())


def value(server: RunningServer, series: str) -> float:
    """Return the value of a series of `instantid_stream`, written as on the page."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", page(server), re.MULTILINE)
    assert found is not None, series
    return float(found[1])


def lines_of(server: RunningServer, request_id: str) -> list[dict[str, Any]]:
    quoted = re.findall(r'\] ("\{.*)$', server.log(), re.MULTILINE)
    lines = [json.loads(json.loads(text)) for text in quoted]
    return [line for line in lines if line["id"] == request_id]


def draw(server: RunningServer, **options: Any) -> None:
    with Client(server.grpc_url, timeout_s=120) as client:
        for _ in client.stream(prompt=PROMPT, num_inference_steps=4, **options):
            pass


def test_every_metric_is_there_from_the_start(server: RunningServer) -> None:
    def missing() -> list[str]:
        published = page(server)
        names = [
            f"{metric.name}_count" if metric.kind is MetricKind.HISTOGRAM else metric.name
            for metric in METRICS
        ]
        series = {line.partition("{")[0] for line in published.splitlines() if MODEL in line}
        return [name for name in names if name not in series]

    wait_until(lambda: not missing(), PATIENCE_S, "every metric is published")


def test_request_is_counted_timed_and_gone(server: RunningServer) -> None:
    labels = f"{{{MODEL}}}"
    before = value(server, f"instantid_pictures_total{labels}")
    draw(server, face_image=PORTRAIT, preview_every=1, num_images_per_prompt=2)
    pictures = f"instantid_pictures_total{labels}"
    wait_until(lambda: value(server, pictures) == before + 2, PATIENCE_S, "two more are counted")
    assert value(server, f"instantid_requests_in_flight{labels}") == 0
    assert value(server, f"instantid_requests_waiting{labels}") == 0
    assert value(server, f"instantid_request_duration_seconds_count{labels}") >= 1
    assert value(server, f"instantid_first_preview_seconds_count{labels}") >= 1


def test_log_has_one_line_of_the_request_and_no_word_of_it(server: RunningServer) -> None:
    draw(server, face_image=PORTRAIT, request_id=REQUEST_ID)
    wait_until(lambda: lines_of(server, REQUEST_ID) != [], PATIENCE_S, "its line is written")
    (line,) = lines_of(server, REQUEST_ID)
    assert (line["model"], line["outcome"], line["steps"]) == ("instantid_stream", "OK", 4)
    assert "secret" not in server.log()


def test_error_is_logged_by_its_code(server: RunningServer) -> None:
    with pytest.raises(FaceNotFound):
        draw(server, face_image=NO_FACE, request_id="observed-2")
    wait_until(lambda: lines_of(server, "observed-2") != [], PATIENCE_S, "its line is written")
    (line,) = lines_of(server, "observed-2")
    assert (line["outcome"], line["pictures"]) == ("FACE_NOT_FOUND", 0)
