"""Every file of `deploy/` against the parser or schema of what reads it."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import crossplane
import grpc
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from jsonschema import ValidationError, validate
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from captcha_keras.serving.batching import BatchingConfig
from captcha_keras.serving.client.clients import GrpcClient
from captcha_keras.serving.json.document import MAX_ROWS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FLAGS = {
    "--model_config_file=/config/models.config",
    "--monitoring_config_file=/config/monitoring.config",
    "--enable_batching=true",
    "--batching_parameters_file=/config/batching.config",
    "--rest_api_timeout_in_ms=30000",
    "--grpc_channel_arguments=grpc.max_connection_age_ms=60000,grpc.max_connection_age_grace_ms=40000",
    "--enable_grpc_healthcheck_service=true",
}


def message(name: str, fields: list[tuple[str, int, str]], needs: str = "") -> Any:
    """A message class; the wheel of the server's messages lacks these two.

    From tensorflow_serving/servables/tensorflow/session_bundle_config.proto and config/monitoring_config.proto, 2.20.0.
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

    whole, text, truth = (f".google.protobuf.{name}Value" for name in ("Int64", "String", "Bool"))
    fields = [("max_batch_size", 1, whole), ("batch_timeout_micros", 2, whole), ("max_enqueued_batches", 3, whole)]
    fields += [("num_batch_threads", 4, whole), ("thread_pool_name", 5, text)]
    fields += [("allowed_batch_sizes", 6, "repeated int64"), ("pad_variable_length_inputs", 7, "bool")]
    fields += [("enable_large_batch_splitting", 8, truth), ("max_execution_batch_size", 9, whole)]
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
    assert config.max_execution_batch_size.value == BatchingConfig().max_batch_size
    # A request may have as many rows as one to the embedded server; what is longer than a batch is split.
    assert config.max_batch_size.value == MAX_ROWS
    assert config.enable_large_batch_splitting.value
    assert config.HasField("batch_timeout_micros")
    assert config.num_batch_threads.value >= 1
    assert config.max_enqueued_batches.value >= 1
    # The server refuses sizes whose last is not the greatest batch that it computes.
    assert list(config.allowed_batch_sizes)[-1:] in ([], [config.max_execution_batch_size.value])
    with pytest.raises(text_format.ParseError):
        text_format.Parse("max_batch_size: 64", batching_parameters())


def test_the_monitoring(monitoring_config: Any) -> None:
    config = text_format.Parse((DEPLOY / "monitoring.config").read_text(), monitoring_config())
    assert config.prometheus_config.enable
    assert config.prometheus_config.path == "/monitoring/prometheus/metrics"


@pytest.fixture(scope="module")
def compose() -> Any:
    """The compose file as it is where no variable is set."""
    return yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (DEPLOY / "compose.yaml").read_text()))


def test_the_compose_file_follows_its_schema(compose: Any) -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    for document in (compose, yaml.safe_load((DEPLOY / "compose.yaml").read_text())):
        validate(document, schema)
    with pytest.raises(ValidationError):
        validate({"services": {"a": {"imge": "b"}}}, schema)


@pytest.mark.parametrize("name", ["model-server", "proxy", "app"])
def test_no_service_has_more_than_it_needs(compose: Any, name: str) -> None:
    service = compose["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    # The image of `app` has a user of its own; its Dockerfile is tested below.
    assert "build" in service or re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+(-alpine)?)?", service["image"])
    for volume in service.get("volumes", []):
        source, _, mode = volume.split(":")
        assert mode == "ro"
        # What is mounted is there, but for the keys, which everybody makes himself.
        assert (DEPLOY / source).exists() or source == "./tls"
    # There is no authentication: only the proxy is reached from other machines.
    assert name == "proxy" or all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_compose_file_starts_tensorflow_serving_unless_asked_for_more(compose: Any) -> None:
    server = compose["services"]["model-server"]
    assert set(server["command"]) == FLAGS
    assert "healthcheck" in server
    profiles = {name: service.get("profiles", []) for name, service in compose["services"].items()}
    assert profiles == {"model-server": [], "proxy": ["tls"], "app": ["app"]}
    config = text_format.Parse((DEPLOY / "models.config").read_text(), ModelServerConfig())
    mounted = {volume.split(":")[1] for volume in server["volumes"]}
    assert {model.base_path for model in config.model_config_list.config} < mounted


def test_strangers_can_be_served_without_batching() -> None:
    """Requests of zero rows are harmless then: nothing waits for another request."""
    text = (DEPLOY / "compose.yaml").read_text()
    assert "--enable_batching=${ENABLE_BATCHING:-true}\n" in text
    assert "ENABLE_BATCHING=false docker compose" in (ROOT / "docs" / "deployment.md").read_text()


def test_the_health_check_finds_an_available_model(compose: Any) -> None:
    """The command itself, in bash, against a server that answers as TF Serving does."""
    states = ["AVAILABLE", "LOADING"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps({"model_version_status": [{"state": states[0]}]}, indent=1).encode()
            self.send_response(200 if self.path == "/v1/models/captcha" else 404)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

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


def parse_nginx(folder: Path, written: str = "", instead: str = "") -> Any:
    """What crossplane makes of nginx.conf; it knows neither what is in a map nor `http2 on`, nginx 1.25's form."""
    path = folder / "nginx.conf"
    settings = (DEPLOY / "nginx.conf").read_text().replace("include /etc/nginx/clients.map;", "")
    path.write_text(settings.replace(written, instead))
    return crossplane.parse(str(path), strict=True, check_ctx=True, check_args=True, ignore=["http2"])


def test_the_proxy(tmp_path: Path) -> None:
    """Without nginx; tests/serving/test_proxy.py runs it."""
    parsed = parse_nginx(tmp_path)
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
    paths = paths.replace("?<path>", "")  # named in Perl's way
    for path in ("", ":predict", "/metadata", "/versions/3:predict", "/versions/3"):
        for model in ("captcha", "any"):
            assert re.search(paths, f"/v1/models/{model}{path}")
    for path in ("/v1/models/other", "/monitoring/prometheus/metrics", "/v1/models/captcha:predict/x", "/v1/models"):
        assert not re.search(paths, path)


def test_a_misspelt_directive_is_found(tmp_path: Path) -> None:
    parsed = parse_nginx(tmp_path, "limit_conn connections", "limit_con connections")
    assert "limit_con" in parsed["errors"][0]["error"]


def test_calls_of_a_grpc_client_go_to_all_servers_of_a_name() -> None:
    counts = [0, 0]

    class Counter(grpc.GenericRpcHandler):
        def __init__(self, number: int) -> None:
            self.number = number

        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            counts[self.number] += 1
            return grpc.unary_unary_rpc_method_handler(lambda request, _: b"")  # an empty GetModelStatusResponse

    servers = [grpc.server(ThreadPoolExecutor(1), handlers=[Counter(number)]) for number in range(2)]
    addresses = [f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}" for server in servers]
    try:
        for server in servers:
            server.start()
        with GrpcClient(f"ipv4:{','.join(addresses)}") as client:
            for _ in range(100):
                client.ready()
                if all(counts):
                    break
    finally:
        for server in servers:
            server.stop(None).wait()
    assert all(counts)
