"""The pool's autoscaling: KEDA's object, and the HorizontalPodAutoscaler that stands in for it."""

import re

import yaml  # type: ignore[import-untyped]  # no stubs

from instantid_server.serving.metrics_page import ENTRY_METRICS
from tests.deploy.manifests import (
    KUBERNETES,
    Manifest,
    needs_kubectl,
    page,
    serve_arguments,
    server_pod,
    the_only,
)

pytestmark = needs_kubectl

ADAPTER = (KUBERNETES / "autoscaling" / "hpa" / "adapter_rules.yaml").read_text()


def keda() -> Manifest:
    spec: Manifest = the_only("autoscaling/keda", "ScaledObject")["spec"]
    return spec


def hpa() -> Manifest:
    spec: Manifest = the_only("autoscaling/hpa", "HorizontalPodAutoscaler")["spec"]
    return spec


def test_scales_the_server_that_the_pool_has() -> None:
    server = the_only("overlays/pool", "StatefulSet")
    wanted = {
        "apiVersion": server["apiVersion"],
        "kind": server["kind"],
        "name": server["metadata"]["name"],
    }
    assert keda()["scaleTargetRef"] == wanted
    assert hpa()["scaleTargetRef"] == wanted


def test_leaves_the_number_of_replicas_to_the_autoscaler() -> None:
    assert "replicas" not in the_only("overlays/pool", "StatefulSet")["spec"]


def test_both_ways_have_the_same_rule() -> None:
    scaled, scaler = keda(), hpa()
    assert scaled["minReplicaCount"] == scaler["minReplicas"]
    assert scaled["maxReplicaCount"] == scaler["maxReplicas"]
    behaviour = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behaviour == scaler["behavior"]
    target = scaler["metrics"][0]["pods"]["target"]
    assert scaled["triggers"][0]["metadata"]["threshold"] == target["averageValue"]


def test_adds_servers_before_anybody_waits() -> None:
    runs = page(server_pod("pool"))["admission"]["max_running_pictures"]
    assert int(keda()["triggers"][0]["metadata"]["threshold"]) < runs


def test_keeps_a_server_for_longer_than_a_start_takes() -> None:
    kept_s = hpa()["behavior"]["scaleDown"]["stabilizationWindowSeconds"]
    assert kept_s > serve_arguments(server_pod("pool")).start_timeout


def test_counts_what_every_entry_process_tells() -> None:
    asked = keda()["triggers"][0]["metadata"]["query"] + ADAPTER
    told = {metric.name for metric in ENTRY_METRICS} | {"instantid_pictures_inside"}
    assert set(re.findall(r"instantid_\w+", asked)) <= told


def test_adapter_gives_what_the_autoscaler_asks_for() -> None:
    (rule,) = yaml.safe_load(ADAPTER)["rules"]["custom"]
    assert rule["name"]["as"] == hpa()["metrics"][0]["pods"]["metric"]["name"]
