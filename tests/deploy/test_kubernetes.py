"""The Kubernetes manifests fit the API, the product, and each other.

`kubectl kustomize` renders them, kubernetes-validate holds them against the schemas of the oldest
and the newest version that README.md names.
"""

import argparse
import re
import shutil
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]  # no stubs
import pytest
import yaml  # type: ignore[import-untyped]  # no stubs

from instantid_client import _command_import
from instantid_server.serving.options import ServeOptions
from instantid_server.serving.preflight import MIN_SCRATCH_MIB, MIN_SHM_MIB
from tests.deploy.manifests import (
    KUBERNETES,
    OVERLAYS,
    ROOT,
    Manifest,
    arguments_of,
    container,
    containers,
    needs_kubectl,
    of_kind,
    page,
    pod_templates,
    quantity,
    render,
    serve_arguments,
    server_pod,
    the_only,
    volume,
)

pytestmark = needs_kubectl

README = (KUBERNETES / "README.md").read_text()
YAML_OF_README = [yaml.safe_load(y) for y in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
FOLDERS = (
    "namespace",
    "weights",
    "autoscaling/keda",
    "autoscaling/hpa",
    *(f"overlays/{name}" for name in OVERLAYS),
)
VERSIONS = ("1.30", "1.37")
IN_NO_SCHEMA = {"ScaledObject"}  # see test_kubernetes_autoscaling.py
ENDING_S = 10 + 10  # the public models are unloaded, and Triton ends after its own exit timeout
OPTIONS = ServeOptions(Path(), Path(), Path(), Path())


def import_arguments() -> argparse.Namespace:
    job = container(pod_templates("weights")[0], "import")
    command, *flags = arguments_of(job)
    assert command == "import"
    parser = argparse.ArgumentParser()
    _command_import.add_arguments(parser)
    return parser.parse_args(flags)


def selects(selector: Manifest, pod: Manifest) -> bool:
    wanted = selector.get("matchLabels", selector).items()
    return bool(wanted) and wanted <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_fits_the_api(folder: str, version: str) -> None:
    for manifest in render(folder):
        if manifest["kind"] not in IN_NO_SCHEMA:
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.startswith(("overlays", "weights"))])
class TestPods:
    def test_may_do_no_more_than_a_restricted_namespace_allows(self, folder: str) -> None:
        for template in pod_templates(folder):
            pod = template["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert pod["automountServiceAccountToken"] is False
            for of in containers(template):
                assert of["securityContext"]["allowPrivilegeEscalation"] is False
                assert of["securityContext"]["readOnlyRootFilesystem"] is True
                assert of["securityContext"]["capabilities"] == {"drop": ["ALL"]}

    def test_mounts_nothing_of_the_node(self, folder: str) -> None:
        for template in pod_templates(folder):
            assert not any("hostPath" in volume for volume in template["spec"]["volumes"])

    def test_asks_for_what_it_needs_and_has_a_limit_of_memory(self, folder: str) -> None:
        for template in pod_templates(folder):
            for of in containers(template):
                assert {"cpu", "memory"} <= of["resources"]["requests"].keys()
                assert "memory" in of["resources"]["limits"]

    def test_image_is_pinned(self, folder: str) -> None:
        for template in pod_templates(folder):
            for of in containers(template):
                if folder == "overlays/cpu-demo":  # built on the spot, so it has no digest
                    assert of["image"] == "instantid-triton:demo"
                else:
                    assert re.fullmatch(r"[\w./-]+(:[\w.-]+)?@sha256:[0-9a-f]{64}", of["image"])

    def test_every_network_policy_and_budget_finds_a_pod(self, folder: str) -> None:
        templates = pod_templates(folder)
        for manifest in of_kind(folder, "NetworkPolicy"):
            assert any(selects(manifest["spec"]["podSelector"], pod) for pod in templates)
        for manifest in (*of_kind(folder, "PodDisruptionBudget"), *of_kind(folder, "Service")):
            assert any(selects(manifest["spec"]["selector"], pod) for pod in templates)


@pytest.mark.parametrize("overlay", OVERLAYS)
class TestServer:
    def test_serves_from_what_is_mounted(self, overlay: str) -> None:
        pod = server_pod(overlay)
        arguments = serve_arguments(pod)
        assert arguments.model_repository.parent == Path("/models")
        assert arguments.keys == Path("/keys")
        assert arguments.policy.parent == Path("/policy")
        assert arguments.records.parent == Path("/records")
        in_image = arguments.ensemble_repository.relative_to("/opt/instantid")
        assert (ROOT / in_image / "denoise_step").is_dir()

    def test_writes_only_where_it_has_to(self, overlay: str) -> None:
        mounts = container(server_pod(overlay))["volumeMounts"]
        writable = {mount["mountPath"] for mount in mounts if not mount.get("readOnly")}
        assert writable == {"/records", "/tmp", "/dev/shm"}

    def test_is_alone_with_its_records(self, overlay: str) -> None:
        claims = the_only(f"overlays/{overlay}", "StatefulSet")["spec"]["volumeClaimTemplates"]
        assert [claim["metadata"]["name"] for claim in claims] == ["records"]

    def test_keys_are_closed_to_others(self, overlay: str) -> None:
        assert volume(server_pod(overlay), "/keys")["secret"]["defaultMode"] & 0o007 == 0

    def test_has_room_for_its_shared_memory(self, overlay: str) -> None:
        pod = server_pod(overlay)
        shared = volume(pod, "/dev/shm")["emptyDir"]
        assert shared["medium"] == "Memory"
        assert quantity(shared["sizeLimit"]) > MIN_SHM_MIB * 2**20
        limit = container(pod)["resources"]["limits"]["memory"]
        assert quantity(limit) > 2 * quantity(shared["sizeLimit"])  # which counts as its memory

    def test_has_room_for_its_scratch(self, overlay: str) -> None:
        scratch = volume(server_pod(overlay), "/tmp")["emptyDir"]
        assert quantity(scratch["sizeLimit"]) > MIN_SCRATCH_MIB * 2**20

    def test_names_the_ports_that_the_server_listens_on(self, overlay: str) -> None:
        named = {p["name"]: p["containerPort"] for p in container(server_pod(overlay))["ports"]}
        assert {f"{name}_port": port for name, port in named.items()} == OPTIONS.ports

    @pytest.mark.parametrize(
        ("probe", "path"), [("startup", "/ready"), ("readiness", "/ready"), ("liveness", "/live")]
    )
    def test_probes_ask_the_entry_process(self, overlay: str, probe: str, path: str) -> None:
        asked = container(server_pod(overlay))[f"{probe}Probe"]["httpGet"]
        assert asked == {"path": path, "port": "control"}

    def test_may_take_its_time_to_start(self, overlay: str) -> None:
        pod = server_pod(overlay)
        probe = container(pod)["startupProbe"]
        patience_s = probe["periodSeconds"] * probe["failureThreshold"]
        assert patience_s > serve_arguments(pod).start_timeout

    def test_may_deliver_what_it_has_accepted(self, overlay: str) -> None:
        pod = server_pod(overlay)
        before_s = container(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]
        needed_s = before_s + serve_arguments(pod).drain_timeout + OPTIONS.exit_timeout_s + ENDING_S
        assert pod["spec"]["terminationGracePeriodSeconds"] > needed_s

    def test_has_the_gpus_of_its_profile(self, overlay: str) -> None:
        pod = server_pod(overlay)
        tables = page(pod)["models"].values()
        wanted = {gpu for table in tables for gpu in table.get("gpus", ())}
        limits = container(pod)["resources"]["limits"]
        assert wanted == set(range(int(limits.get("nvidia.com/gpu", 0))))

    def test_counts_its_own_cores_and_not_the_nodes(self, overlay: str) -> None:
        threads = [e for e in container(server_pod(overlay))["env"] if "valueFrom" in e]
        assert [entry["name"] for entry in threads] == ["OMP_NUM_THREADS"]
        assert threads[0]["valueFrom"]["resourceFieldRef"]["resource"] == "requests.cpu"

    def test_callers_reach_it_through_the_gateway_alone(self, overlay: str) -> None:
        rules = the_only(f"overlays/{overlay}", "NetworkPolicy")["spec"]["ingress"]
        public = [rule for rule in rules if {"port": "grpc"} in rule["ports"]]
        gateway = {"matchLabels": {"app.kubernetes.io/name": "instantid-gateway"}}
        assert [rule["from"] for rule in public] == [[{"podSelector": gateway}]]

    def test_service_is_headless(self, overlay: str) -> None:
        assert the_only(f"overlays/{overlay}", "Service")["spec"]["clusterIP"] == "None"


def test_importer_understands_the_jobs_arguments_and_fills_the_servers_volume() -> None:
    pod = pod_templates("weights")[0]["spec"]
    claimed = pod["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert the_only("weights", "PersistentVolumeClaim", claimed)
    served = server_pod("single-gpu")
    assert volume(served, "/models")["persistentVolumeClaim"]["claimName"] == claimed
    output = import_arguments().output
    assert output.parent == Path("/weights")
    assert serve_arguments(served).model_repository == Path("/models", output.name)


def test_demo_serves_the_checkouts_repository() -> None:
    kind = yaml.safe_load((KUBERNETES / "overlays/cpu-demo/kind.yaml").read_text())
    (mount,) = kind["nodes"][0]["extraMounts"]
    assert (ROOT / mount["hostPath"] / "unet" / "config.pbtxt").is_file()
    on_node = the_only("overlays/cpu-demo", "PersistentVolume", "instantid-weights")
    name = serve_arguments(server_pod("cpu-demo")).model_repository.name
    assert mount["containerPath"] == f"{on_node['spec']['hostPath']['path']}/{name}"
    claim = the_only("overlays/cpu-demo", "PersistentVolumeClaim", "instantid-weights")
    assert claim["spec"]["volumeName"] == on_node["metadata"]["name"]


def test_readme_makes_what_the_pods_mount() -> None:
    made = set(re.findall(r"create (?:secret generic|configmap) ([\w-]+)", README))
    generated = {m["metadata"]["name"] for m in of_kind("overlays/pool", "ConfigMap")}
    folders = ("overlays/pool", "overlays/remote-stages")
    volumes = [v for f in folders for pod in pod_templates(f) for v in pod["spec"]["volumes"]]
    secrets = {v["secret"]["secretName"] for v in volumes if "secret" in v}
    config_maps = {v["configMap"]["name"] for v in volumes if "configMap" in v}
    assert made == (secrets | config_maps) - generated


def test_readme_tells_of_every_overlay() -> None:
    assert [name for name in OVERLAYS if f"| `{name}` |" not in README] == []


def test_readme_applies_folders_that_are_there() -> None:
    assert set(re.findall(r"apply -k docker/kubernetes/(\S+)", README)) <= set(FOLDERS)


def test_policy_of_the_readme_fits_the_api_and_the_servers() -> None:
    (example,) = [y for y in YAML_OF_README if y["kind"] == "NetworkPolicy"]
    assert selects(example["spec"]["podSelector"], server_pod("single-gpu"))
    for version in VERSIONS:
        kubernetes_validate.validate(example, version, strict=True)


def test_second_pool_of_the_readme_is_a_namespace_apart(tmp_path: Path) -> None:
    (example,) = [y for y in YAML_OF_README if y["kind"] == "Kustomization"]
    docker = shutil.copytree(ROOT / "docker", tmp_path / "docker")
    green = docker / "kubernetes" / "overlays" / "green"
    green.mkdir()
    (green / "kustomization.yaml").write_text(yaml.safe_dump(example))
    manifests = render(str(green))
    assert {m["metadata"].get("namespace", m["metadata"]["name"]) for m in manifests} == {
        example["namespace"]
    }
    (scaled,) = [m for m in manifests if m["kind"] == "ScaledObject"]
    old = the_only("overlays/pool", "ScaledObject")["spec"]["triggers"][0]["metadata"]["query"]
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    assert query == old.replace('"instantid"', f'"{example["namespace"]}"')
