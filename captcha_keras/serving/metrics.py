"""The metrics of the server, in the format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector, generate_latest

from captcha_keras.serving.errors import CODE_OF_STATUS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
# As in TF Serving: microseconds, 33 bounds from 10, each 1.8 times the one before.
LATENCY = tuple(10 * 1.8**power for power in range(33))
# What TF Serving counts a status of HTTP as; others are UNKNOWN.
CODES = {**CODE_OF_STATUS, 200: "OK", 413: "RESOURCE_EXHAUSTED", 499: "CANCELLED"}
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters and gauges of one server, in a registry of its own; predict requests also by TF Serving's names.

    Args:
        models: Names of the models that are served.

    Example:
        >>> metrics = Metrics()
        >>> metrics.request("http", "recognize", "200", seconds=0.01)
        >>> b'captcha_requests_total{interface="http",route="recognize",status="200"} 1.0' in metrics.page()
        True
    """

    def __init__(self, models: Sequence[str] = ("captcha",)) -> None:
        self._models = models
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "captcha_requests_total", "Requests answered", ["interface", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "captcha_request_seconds",
            "Time from request to answer",
            ["interface", "route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._rows = Histogram("captcha_batch_rows", "Images computed together", buckets=ROWS, registry=self._registry)
        self._queued = Histogram(
            "captcha_queue_seconds", "Time that images wait for the model", buckets=SECONDS, registry=self._registry
        )
        self._computing = Histogram(
            "captcha_compute_seconds", "Time of a computation", buckets=SECONDS, registry=self._registry
        )
        self._waiting = Gauge("captcha_waiting_rows", "Images that wait for the model", registry=self._registry)
        self._connections = Counter(
            "captcha_connections_ended_total", "Connections ended by the server", ["reason"], registry=self._registry
        )
        self._predictions: dict[tuple[str, str], int] = {}
        self._latency = Histogram(
            ":tensorflow:serving:request_latency",
            "Time of a predict request in microseconds",
            ["model_name", "API", "entrypoint"],
            buckets=LATENCY,
            registry=self._registry,
        )
        self._versions: Callable[[], Mapping[str, int]] = dict
        self._registry.register(self)

    def request(self, interface: str, route: str, status: str, seconds: float, model: str | None = None) -> None:
        """Count a request that was answered.

        Args:
            interface: "http" or "grpc".
            route: What answered it.
            status: The status of the answer.
            seconds: The time that it took.
            model: The model that it asked for; None for the first. Names that are not served are counted as "".
        """
        if model is None:
            model = self._models[0]
        elif model not in self._models:
            model = ""  # clients can make up any number of names
        self._requests.labels(interface, route, status).inc()
        self._seconds.labels(interface, route).observe(seconds)
        if route == "predict":
            code = status if interface == "grpc" else CODES.get(int(status), "UNKNOWN")
            self._predictions[model, code] = self._predictions.get((model, code), 0) + 1
            entrypoint = {"http": "REST", "grpc": "GRPC"}[interface]
            self._latency.labels(model, "predict", entrypoint).observe(1e6 * seconds)

    def connection_ended(self, reason: str) -> None:
        """Count a connection that the server ended."""
        self._connections.labels(reason).inc()

    def collect(self) -> Iterator[Metric]:
        """The metrics of each model, for the registry; TF Serving's counter has no `_total` at the end of its name."""
        counter = Metric(":tensorflow:serving:request_count", "Predict requests by status", "unknown")
        for (model, code), count in self._predictions.items():
            counter.add_sample(counter.name, {"model_name": model, "status": code}, count)
        yield counter
        version = Metric("captcha_model_version", "Latest version in service", "gauge")
        for model, number in self._versions().items():
            version.add_sample(version.name, {"model_name": model}, number)
        yield version

    def batch(self, rows: int, waited: list[float], seconds: float) -> None:
        """Count a computation: its rows, the seconds that its parts waited for it, and the seconds that it took."""
        self._rows.observe(rows)
        self._computing.observe(seconds)
        for part in waited:
            self._queued.observe(part)

    def watch(self, waiting_rows: Callable[[], int], versions: Callable[[], Mapping[str, int]]) -> None:
        """Set what gives the number of waiting rows and the models' versions whenever the metrics are read."""
        self._waiting.set_function(waiting_rows)
        self._versions = versions

    def page(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self._registry)
