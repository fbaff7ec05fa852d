"""The metrics of the server, in the format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters and gauges of one server, in a registry of its own.

    Example:
        >>> metrics = Metrics()
        >>> metrics.request("http", "recognize", "200", seconds=0.01)
        >>> b'captcha_requests_total{interface="http",route="recognize",status="200"} 1.0' in metrics.page()
        True
    """

    def __init__(self) -> None:
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
        self._waiting = Gauge("captcha_waiting_rows", "Images that wait for the model", registry=self._registry)
        self._version = Gauge("captcha_model_version", "Version in service", registry=self._registry)

    def request(self, interface: str, route: str, status: str, seconds: float) -> None:
        """Count a request that was answered, and the seconds that it took."""
        self._requests.labels(interface, route, status).inc()
        self._seconds.labels(interface, route).observe(seconds)

    def batch(self, rows: int) -> None:
        """Count a computation of this many rows."""
        self._rows.observe(rows)

    def watch(self, waiting_rows: Callable[[], int], version: Callable[[], int]) -> None:
        """Set the functions that give the number of waiting rows and the version whenever the metrics are read."""
        self._waiting.set_function(waiting_rows)
        self._version.set_function(version)

    def page(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self._registry)
