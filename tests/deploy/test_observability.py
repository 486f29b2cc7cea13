"""What watches the servers is valid, fires when it should, and fits what it watches.

promtool, Prometheus' own checker, reads the configs, the rules and the dashboard's queries. Whether
each metric and label is there is asked of a running server, in tests/e2e/test_dashboard.py.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs

from instantid_server.contract import MODELS, PUBLIC_MODELS
from instantid_server.observe.metrics import DURATION
from instantid_server.serving.admission import Admission
from instantid_server.serving.limits import AdmissionLimits
from instantid_server.serving.metrics_page import ENTRY_METRICS, Moment, metrics_page
from instantid_server.serving.state import ServerState
from scripts import dashboard
from tests.deploy.expressions import OBSERVABILITY, PANELS, RULES, panel_expressions, selectors

DOCKER = OBSERVABILITY.parent
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RULE_TESTS = yaml.safe_load((OBSERVABILITY / "rules_test.yaml").read_text())["tests"]
KUBERNETES_CONFIG = yaml.safe_load((OBSERVABILITY / "prometheus-kubernetes.yaml").read_text())
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
WATCHERS = {
    name: service
    for name, service in COMPOSE["services"].items()
    if service.get("profiles") == ["observability"]
}
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not installed; Debian's package `prometheus` has it",
)


def promtool(*arguments: str | Path, given: str | None = None) -> str:
    """Return what promtool says; fails the test if it finds fault."""
    told = subprocess.run(
        ["promtool", *map(str, arguments)], input=given, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@needs_promtool
def test_compose_config_is_valid_with_its_rules() -> None:
    promtool("check", "config", OBSERVABILITY / "prometheus.yaml")


@needs_promtool
def test_alerts_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", OBSERVABILITY / "rules_test.yaml")


def pod(name: str, port: str, address: str, phase: str = "Running") -> dict[str, Any]:
    """Return a container's port as Prometheus finds it in Kubernetes."""
    about = {
        "pod_label_app_kubernetes_io_name": name,
        "pod_container_port_name": port,
        "pod_phase": phase,
        "pod_name": f"{name}-0",
        "namespace": "prod",
    }
    labels = {f"__meta_kubernetes_{key}": value for key, value in about.items()}
    return {"targets": [address], "labels": labels}


@needs_promtool
def test_of_all_pods_the_servers_two_pages_are_scraped(tmp_path: Path) -> None:
    # Debian's promtool knows no Kubernetes, so the pods are written down for it.
    config = yaml.safe_load(yaml.safe_dump(KUBERNETES_CONFIG))
    (job,) = config["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    job["static_configs"] = [
        pod("instantid", "metrics", "10.0.0.1:8002"),
        pod("instantid", "control", "10.0.0.1:8003"),
        pod("instantid", "grpc", "10.0.0.1:8001"),
        pod("instantid", "metrics", "10.0.0.2:8002", phase="Failed"),
        pod("instantid-gateway", "metrics", "10.0.0.3:8002"),
    ]
    config["rule_files"] = [str(OBSERVABILITY / "rules.yaml")]
    path = tmp_path / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config))
    found = promtool("check", "service-discovery", "--timeout=1s", path, job["job_name"])
    scraped = [target["labels"] for target in json.loads(found) if target["labels"]]
    assert {(one["__address__"], one["job"]) for one in scraped} == {
        ("10.0.0.1:8002", "instantid"),
        ("10.0.0.1:8003", "instantid-control"),
    }
    assert {(one["namespace"], one["instance"]) for one in scraped} == {("prod", "instantid-0")}


@needs_promtool
def test_dashboard_asks_what_prometheus_understands(tmp_path: Path) -> None:
    asked = [expression.replace("$__rate_interval", "1m") for expression in panel_expressions()]
    rules = [{"record": f"panel:{index}", "expr": expr} for index, expr in enumerate(asked)]
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", path)


@needs_promtool
def test_entry_processes_page_follows_prometheus_conventions() -> None:
    admission = Admission(AdmissionLimits(max_running_pictures=8, max_waiting=32), lambda: 0.0)
    moment = Moment(ServerState(), True, {"unet": True}, admission.snapshot(), 10**9, 1.7e9)
    assert promtool("check", "metrics", given=metrics_page(moment)) == ""


def test_dashboard_is_the_one_that_its_page_lists() -> None:
    assert dashboard.DASHBOARD.read_text() == dashboard.render()


def test_panels_have_names_of_their_own_and_cover_none_another() -> None:
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS}
    assert len(places) == len(PANELS)


@pytest.mark.parametrize("name", ALERTS)
def test_alert_says_how_bad_it_is_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    section = anchor.replace("-", " ")
    told = (DOCKER.parent / page).read_text().partition(f"\n## {section.capitalize()}\n")[2]
    assert f"| `{name}` |" in told.partition("\n## ")[0]


@pytest.mark.parametrize("name", ALERTS)
def test_alert_is_tried_while_it_fires_and_while_it_is_silent(name: str) -> None:
    tried = [
        bool(case["exp_alerts"])
        for test in RULE_TESTS
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == name
    ]
    assert set(tried) == {True, False}


def test_latency_objective_is_a_bucket() -> None:
    objectives = {
        matcher.value.removesuffix(r"(\.0)?")
        for rule in RULES
        for selector in selectors(rule["expr"])
        for matcher in selector.matchers
        if matcher.label == "le"
    }
    assert len(objectives) == 1
    assert float(objectives.pop()) in DURATION.buckets


def test_stages_are_all_but_public_models_and_ensembles() -> None:
    (left_out,) = {
        matcher.value
        for rule in RULES
        for selector in selectors(rule["expr"])
        for matcher in selector.matchers
        if matcher.operator == "!~"
    }
    ensembles = {spec.name for spec in MODELS.values() if spec.backend == "ensemble"}
    matched = {model for model in MODELS if re.fullmatch(left_out, model)}
    assert matched == {*PUBLIC_MODELS, *ensembles}


def test_operators_scrape_the_ports_that_pods_name() -> None:
    monitor = yaml.safe_load((OBSERVABILITY / "podmonitor.yaml").read_text())["spec"]
    server = yaml.safe_load((DOCKER / "kubernetes" / "base" / "server.yaml").read_text())["spec"]
    labels = server["template"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    container = server["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    scraped = [ports[endpoint["port"]] for endpoint in monitor["podMetricsEndpoints"]]
    jobs = yaml.safe_load((OBSERVABILITY / "prometheus.yaml").read_text())["scrape_configs"]
    assert scraped == [job["dns_sd_configs"][0]["port"] for job in jobs]


def test_entry_processes_metrics_are_all_explained() -> None:
    readme = (OBSERVABILITY / "README.md").read_text()
    written = re.findall(r"^\| `([\w]+)` \| ([^|]*) \| (\w+): ([^|]+) \|$", readme, re.MULTILINE)
    assert written == [
        (
            metric.name,
            f"`{metric.label}`" if metric.label else "",
            metric.kind.lower(),
            f"{metric.description[0].lower()}{metric.description[1:]}",
        )
        for metric in ENTRY_METRICS
    ]


@pytest.mark.parametrize("service", WATCHERS.values(), ids=WATCHERS)
class TestWatcher:
    def test_reads_files_of_this_checkout(self, service: dict[str, Any]) -> None:
        mounted = [volume.split(":") for volume in service["volumes"] if volume.startswith(".")]
        assert mounted
        for source, _, mode in mounted:
            assert (DOCKER / source).is_file()
            assert mode == "ro"

    def test_has_no_rights_that_it_does_not_need(self, service: dict[str, Any]) -> None:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"].split(":")[0] != "0"

    def test_is_for_this_machine_alone(self, service: dict[str, Any]) -> None:
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])

    def test_is_of_a_named_release(self, service: dict[str, Any]) -> None:
        assert re.fullmatch(r"\$\{\w+:-[\w/]+:v?\d+\.\d+\.\d+\}", service["image"])


def test_nobody_logs_in_to_grafana_with_a_password_that_everybody_knows() -> None:
    environment = COMPOSE["services"]["grafana"]["environment"]
    assert environment["GF_AUTH_BASIC_ENABLED"] == "false"
    assert environment["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
