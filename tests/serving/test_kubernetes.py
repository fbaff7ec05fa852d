"""The manifests of `deploy/kubernetes` against Kubernetes' schemas, and against each other."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.serving.dockerfiles import instructions

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = sorted((DEPLOY / "kubernetes").iterdir())
VERSION = "1.34"


@pytest.fixture(scope="module")
def manifests() -> dict[tuple[str, str], Any]:
    """The manifests by kind and name."""
    found = [manifest for path in FILES for manifest in yaml.safe_load_all(path.read_text())]
    named = {(each["kind"], each["metadata"]["name"]): each for each in found}
    assert len(named) == len(found)
    return named


@pytest.fixture(scope="module")
def deployment(manifests: dict[tuple[str, str], Any]) -> Any:
    return manifests["Deployment", "captcha-serving"]


@pytest.fixture(scope="module")
def container(deployment: Any) -> Any:
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return only


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_manifest_follows_its_schema(path: Path) -> None:
    for manifest in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(manifest, VERSION, strict=True)
        broken = copy.deepcopy(manifest)
        broken["spec"]["misspelt"] = 1
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(broken, VERSION, strict=True)


def test_all_select_the_pods_of_the_deployment(manifests: dict[tuple[str, str], Any], deployment: Any) -> None:
    labels = deployment["spec"]["selector"]["matchLabels"]
    pod = deployment["spec"]["template"]
    assert pod["metadata"]["labels"].items() >= labels.items()
    for (kind, _), manifest in manifests.items():
        spec = manifest["spec"]
        if kind == "Service":
            assert spec["selector"] == labels
        if kind == "NetworkPolicy":
            assert spec["podSelector"]["matchLabels"] == labels
        if kind == "PodDisruptionBudget":
            assert spec["selector"]["matchLabels"] == labels
    spread = pod["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert all(each["labelSelector"]["matchLabels"] == labels for each in spread)


def test_ports_are_those_of_the_container(manifests: dict[tuple[str, str], Any], container: Any) -> None:
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    offered: dict[str, int] = {}
    for (kind, _), manifest in manifests.items():
        if kind == "Service":
            offered |= {port["targetPort"]: port["port"] for port in manifest["spec"]["ports"]}
    assert offered == ports == {"grpc": 8500, "rest": 8501}
    policy = manifests["NetworkPolicy", "captcha-serving"]["spec"]
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == set(ports)


def test_grpc_has_no_virtual_address(manifests: dict[tuple[str, str], Any]) -> None:
    headless = manifests["Service", "captcha-serving-grpc"]["spec"]
    assert headless["clusterIP"] == "None"
    assert [port["name"] for port in headless["ports"]] == ["grpc"]
    # A client finds new servers only when a connection ends.
    arguments = [word for word in json.loads(image()["CMD"]) if word.startswith("--grpc_channel_arguments=")]
    assert "grpc.max_connection_age_ms=" in arguments[0]


def test_the_autoscaler_alone_sets_the_number(manifests: dict[tuple[str, str], Any], deployment: Any) -> None:
    autoscaler = manifests["HorizontalPodAutoscaler", "captcha-serving"]["spec"]
    assert autoscaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]
    # One may be away, and the others serve.
    allowed = manifests["PodDisruptionBudget", "captcha-serving"]["spec"]["maxUnavailable"]
    assert 1 <= allowed < autoscaler["minReplicas"]


def test_the_ingress_leads_to_the_models_and_not_to_the_metrics(manifests: dict[tuple[str, str], Any]) -> None:
    spec = manifests["Ingress", "captcha-serving"]["spec"]
    (rule,) = spec["rules"]
    assert spec["tls"][0]["hosts"] == [rule["host"]]
    (path,) = rule["http"]["paths"]
    assert (path["path"], path["pathType"]) == ("/v1/models", "Prefix")
    name, port = path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"]
    assert port in {each["name"] for each in manifests["Service", name]["spec"]["ports"]}


def test_probes_have_time_limits(container: Any) -> None:
    probes = {name: container[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    for probe in probes.values():
        assert 1 < probe["timeoutSeconds"] <= probe["periodSeconds"]
        assert probe["httpGet"]["port"] == "rest"
    assert probes["startup"]["periodSeconds"] * probes["startup"]["failureThreshold"] >= 60
    # A server is taken out of service before it is restarted.
    slack = {name: probe["periodSeconds"] * probe["failureThreshold"] for name, probe in probes.items()}
    assert slack["readiness"] < slack["liveness"]


def test_the_container_has_no_more_than_it_needs(deployment: Any, container: Any) -> None:
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}
    user = pod["securityContext"]
    assert image()["USER"] == f"{user['runAsUser']}:{user['runAsGroup']}"


def test_the_servers_call_nobody(manifests: dict[tuple[str, str], Any]) -> None:
    policy = manifests["NetworkPolicy", "captcha-serving"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert policy["egress"] == []
    assert all(rule["from"] for rule in policy["ingress"])


def image() -> dict[str, str]:
    return dict(instructions(DEPLOY / "Dockerfile"))
