"""Every file of `deploy/` against the parser or schema of what reads it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import crossplane
import kubernetes_validate
import pytest
import yaml
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FLAGS = {
    "--model_config_file=/config/models.config",
    "--monitoring_config_file=/config/monitoring.config",
    "--enable_batching=true",
    "--batching_parameters_file=/config/batching.config",
    "--rest_api_timeout_in_ms=30000",
    "--enable_grpc_healthcheck_service=true",
}


def message(name: str, fields: list[tuple[str, int, str]], needs: str = "") -> Any:
    """A message class; the wheel of the server's messages lacks these two.

    From tensorflow_serving/servables/tensorflow/session_bundle_config.proto and config/monitoring_config.proto.
    """
    file = FileDescriptorProto(name=f"{name}.proto", package="captcha_keras.tests", syntax="proto3")
    file.dependency.extend([needs] if needs else [])
    kinds = {"int64": FieldDescriptorProto.TYPE_INT64, "bool": FieldDescriptorProto.TYPE_BOOL}
    kinds["string"] = FieldDescriptorProto.TYPE_STRING
    described = file.message_type.add(name=name)
    for field, number, kind in fields:
        repeated = kind.startswith("repeated ")
        entry = described.field.add(name=field, number=number)
        kind = kind.removeprefix("repeated ")
        entry.label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
        if kind in kinds:
            entry.type = kinds[kind]
        else:
            entry.type, entry.type_name = FieldDescriptorProto.TYPE_MESSAGE, kind
    Default().AddSerializedFile(file.SerializeToString())
    return GetMessageClass(Default().FindMessageTypeByName(f"captcha_keras.tests.{name}"))


@pytest.fixture(scope="module")
def batching_parameters() -> Any:
    from google.protobuf import wrappers_pb2  # noqa: F401  (registers the wrappers)

    whole, text = ".google.protobuf.Int64Value", ".google.protobuf.StringValue"
    fields = [("max_batch_size", 1, whole), ("batch_timeout_micros", 2, whole), ("max_enqueued_batches", 3, whole)]
    fields += [("num_batch_threads", 4, whole), ("thread_pool_name", 5, text)]
    fields += [("allowed_batch_sizes", 6, "repeated int64"), ("pad_variable_length_inputs", 7, "bool")]
    return message("BatchingParameters", fields, "google/protobuf/wrappers.proto")


@pytest.fixture(scope="module")
def monitoring_config() -> Any:
    message("PrometheusConfig", [("enable", 1, "bool"), ("path", 2, "string")])
    fields = [("prometheus_config", 1, ".captcha_keras.tests.PrometheusConfig")]
    return message("MonitoringConfig", fields, "PrometheusConfig.proto")


def test_the_models(tmp_path: Path) -> None:
    config = text_format.Parse((DEPLOY / "models.config").read_text(), ModelServerConfig())
    models = config.model_config_list.config
    assert [model.name for model in models] == ["captcha", "any"]
    for model in models:
        assert (model.base_path, model.model_platform) == (f"/models/{model.name}", "tensorflow")
        assert model.model_version_policy.latest.num_versions == 1
    with pytest.raises(text_format.ParseError):
        text_format.Parse("model_config_list { config { nme: 'captcha' } }", ModelServerConfig())


def test_the_batching_parameters(batching_parameters: Any) -> None:
    config = text_format.Parse((DEPLOY / "batching.config").read_text(), batching_parameters())
    assert config.max_batch_size.value == 64
    assert config.HasField("batch_timeout_micros")
    assert config.num_batch_threads.value >= 1
    assert config.max_enqueued_batches.value >= 1
    # The server refuses sizes whose last is not the greatest batch.
    assert list(config.allowed_batch_sizes)[-1:] in ([], [config.max_batch_size.value])
    with pytest.raises(text_format.ParseError):
        text_format.Parse("max_batch_size: 64", batching_parameters())


def test_the_monitoring(monitoring_config: Any) -> None:
    config = text_format.Parse((DEPLOY / "monitoring.config").read_text(), monitoring_config())
    assert config.prometheus_config.enable
    assert config.prometheus_config.path == "/monitoring/prometheus/metrics"


def test_the_compose_file() -> None:
    from check_jsonschema.builtin_schemas import get_builtin_schema
    from jsonschema import ValidationError, validate

    schema = get_builtin_schema("vendor.compose-spec")
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    validate(compose, schema)
    with pytest.raises(ValidationError):
        validate({"services": {"a": {"imge": "b"}}}, schema)
    server = compose["services"]["model-server"]
    assert set(server["command"]) == FLAGS
    assert all(port.startswith("127.0.0.1:") for port in server["ports"])
    assert server["read_only"]
    for service in compose["services"].values():
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+(-alpine)?", service["image"])
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
        for volume in service["volumes"]:
            source, _, mode = volume.split(":")
            assert mode == "ro"
            # What is mounted is there, but for the keys, which everybody makes himself.
            assert (DEPLOY / source).exists() or source in ("./tls", "../models/captcha")
    assert "healthcheck" in server


def test_the_health_check_finds_an_available_model(tmp_path: Path) -> None:
    """The command itself, in bash, against a server that answers as TF Serving does."""
    import subprocess
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    states = ["AVAILABLE", "LOADING"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps({"model_version_status": [{"state": states[0]}]}, indent=1).encode()
            self.send_response(200 if self.path == "/v1/models/captcha" else 404)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    kind, *command = compose["services"]["model-server"]["healthcheck"]["test"]
    assert kind == "CMD"
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command[-1] = command[-1].replace("8501", str(server.server_port))
        assert subprocess.run(command, check=False).returncode == 0
        states.reverse()
        assert subprocess.run(command, check=False).returncode != 0
        server.shutdown()
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0


def test_the_image_is_the_compose_files(tmp_path: Path) -> None:
    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    instructions = dict(line.split(" ", 1) for line in lines if line and not line.startswith(("#", "COPY")))
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert instructions["FROM"] == compose["services"]["model-server"]["image"]
    assert set(json.loads(instructions["CMD"])) == FLAGS
    for line in lines:
        if line.startswith("COPY"):
            *sources, _ = shlex.split(line)[1:]
            assert all((ROOT / source).exists() or source == "models/captcha" for source in sources)


def test_the_proxy() -> None:
    # The parser does not know `http2 on`, nginx 1.25's form.
    parsed = crossplane.parse(
        str(DEPLOY / "nginx.conf"), strict=True, check_ctx=True, check_args=True, ignore=["http2"]
    )
    assert parsed["status"] == "ok", parsed["errors"]
    (http,) = [each for each in parsed["config"][0]["parsed"] if each["directive"] == "http"]
    settings = {each["directive"]: each["args"] for each in http["block"]}
    assert settings["client_max_body_size"] == ["16m"]
    assert settings["limit_req_zone"][-1] == "rate=10r/s"
    (server,) = [each for each in http["block"] if each["directive"] == "server"]
    inside = {each["directive"]: each["args"] for each in server["block"]}
    assert inside["listen"] == ["8443", "ssl"]
    assert inside["limit_req"][0] == "zone=requests"
    paths = next(each["args"][1] for each in server["block"] if each["args"][:1] == ["~"])
    for path in ("", ":predict", "/metadata", "/versions/3:predict", "/versions/3"):
        assert re.search(paths, f"/v1/models/captcha{path}")
    for path in ("/v1/models/other", "/monitoring/prometheus/metrics", "/v1/models/captcha:predict/x", "/v1/models"):
        assert not re.search(paths, path)


def test_a_misspelt_directive_is_found(tmp_path: Path) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text((DEPLOY / "nginx.conf").read_text().replace("limit_conn connections", "limit_con connections"))
    assert "limit_con" in crossplane.parse(str(path), strict=True, ignore=["http2"])["errors"][0]["error"]


@pytest.mark.parametrize("name", ["deployment", "service", "autoscaler"])
def test_the_kubernetes_manifests(name: str) -> None:
    manifest = yaml.safe_load((DEPLOY / "kubernetes" / f"{name}.yaml").read_text())
    kubernetes_validate.validate(manifest, "1.34", strict=True)
    manifest["spec"]["misspelt"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, "1.34", strict=True)


def test_the_manifests_go_together() -> None:
    deployment, service, autoscaler = (
        yaml.safe_load((DEPLOY / "kubernetes" / f"{name}.yaml").read_text())
        for name in ("deployment", "service", "autoscaler")
    )
    pod = deployment["spec"]["template"]
    assert pod["metadata"]["labels"].items() >= service["spec"]["selector"].items()
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    (container,) = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports
    assert container["readinessProbe"]["httpGet"]["port"] in ports
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "limits" in container["resources"]
