"""`captcha-keras serve`: the embedded server."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow, require_packages

DESCRIPTION = """Serve an exported model over HTTP: TensorFlow Serving's REST interface, and a page to try it.

The latest version in the model's folder is served. A newer one that appears there replaces it without a pause."""

NEEDED = ("httptools", "msgspec", "multipart", "prometheus_client", "starlette", "uvicorn")


def parser(prog: str = "captcha-keras serve") -> argparse.ArgumentParser:
    """The argument parser; options that are not given keep the defaults of `ServeConfig`."""
    result = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    add = result.add_argument
    add("--model", type=Path, metavar="DIR", help="folder of the model's versions (the pretrained model)")
    add("--name", help="the model's name in requests (captcha)")
    add("--host", help="address to listen on (127.0.0.1: this machine alone)")
    add("--port", type=int, help="port of HTTP (8501)")
    add("--grpc-port", type=int, metavar="PORT", help="port of gRPC (none)")
    add("--image-root", type=Path, metavar="DIR", help="let /recognize/path read images below this folder (off)")
    load = result.add_argument_group("load")
    add = load.add_argument
    add(
        "--batch-rows",
        dest="max_batch_size",
        type=int,
        metavar="N",
        help="most images computed together; 1: no batching (64)",
    )
    add(
        "--waiting-rows",
        dest="max_waiting_rows",
        type=int,
        metavar="N",
        help="most images that wait; more are refused with 503 (1024)",
    )
    add("--threads", type=int, metavar="N", help="computations at the same time (2)")
    add("--timeout", type=float, metavar="S", help="seconds that a request may take (30)")
    add("--arrival-timeout", type=float, metavar="S", help="seconds for headers to arrive, and again for a body (20)")
    add("--connections", dest="max_connections", type=int, metavar="N", help="HTTP connections at the same time (1024)")
    add("--body-bytes", dest="max_body_bytes", type=int, metavar="N", help="longest body of a request (16777216)")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras serve") -> int:
    """Run the command; returns the exit status."""
    options = vars(parser(prog).parse_args(arguments))
    return run_command(lambda: _serve(options), on_interrupt="The server stopped.")


def _serve(options: dict[str, Any]) -> None:
    require_packages(NEEDED)
    load_tensorflow()
    from captcha_keras.recognizer.pretrained import pretrained_path
    from captcha_keras.serving.batching import BatchingConfig
    from captcha_keras.serving.config import ServeConfig
    from captcha_keras.serving.logs import log_as_json
    from captcha_keras.serving.server import serve
    from captcha_keras.training.devices import select_device

    select_device(gpu=False)
    names = {field.name for field in fields(BatchingConfig)} & options.keys()
    batching = BatchingConfig(**{name: options.pop(name) for name in names})
    model = options.pop("model", None) or pretrained_path("captcha")
    config = ServeConfig(model, **options, batching=batching)
    log_as_json()

    def on_start(port: int, grpc_port: int | None) -> None:
        host = f"[{config.host}]" if ":" in config.host else config.host
        grpc = f", gRPC on port {grpc_port}" if grpc_port else ""
        inside = model.is_relative_to(Path.cwd())
        shown = model.relative_to(Path.cwd()) if inside else model
        print(f"Serving {shown} on http://{host}:{port}/{grpc}. Ctrl-C ends it.", flush=True)

    serve(config, on_start=on_start)
