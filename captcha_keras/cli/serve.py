"""`captcha-keras serve`: the embedded server."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow, require_packages
from captcha_keras.cli.options import OptionParser
from captcha_keras.serving.models.model_config import parse_labels

PREFIX = "CAPTCHA_KERAS_SERVE_"
DESCRIPTION = f"""Serve exported models over HTTP: TensorFlow Serving's REST interface, and a page to try it.

The latest version in a model's folder is served. A newer one that appears there replaces it without a pause.

An option may also be an environment variable, as {PREFIX}GRPC_PORT for --grpc-port, or stand in a file that
--options names. The command line counts before the file, and the file before the environment."""

NEEDED = ("httptools", "msgspec", "multipart", "prometheus_client", "starlette", "uvicorn")


def _option(what: str, kind: Any = int, metavar: str | None = "N", **more: Any) -> dict[str, Any]:
    return {"help": what, "type": kind, "metavar": metavar, **more}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _switch(text: str) -> bool:
    """A flag's value, where a variable of the environment has to name one."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return text == "true"


# Each option but --gpu belongs to a field of ServeConfig or BatchingConfig, which has its default.
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "models": {
        "--model": _option("folder of one model's versions (the pretrained model)", Path, "DIR"),
        "--name": _option("that model's name in requests (captcha)", str, None),
        "--version-labels": _option(
            "names for its versions in requests, as stable=1,canary=2 (none)", str, "LABEL=VERSION,…"
        ),
        "--model-config": _option(
            "several models, from TensorFlow Serving's models.config; the first one is that of the page", Path, "FILE"
        ),
        "--poll-interval": _option("seconds between looks for new versions (1)", float, "S"),
        "--load-retries": _option("further tries to load a version that cannot be loaded (5)", dest="max_load_retries"),
        "--load-retry-interval": _option("seconds between these tries (60)", float, "S"),
    },
    "interfaces": {
        "--host": _option("address to listen on (127.0.0.1: this machine alone)", str, None),
        "--port": _option("port of HTTP; 0: any free one (8501)", metavar=None),
        "--grpc-port": _option("port of gRPC; 0: any free one (none)", metavar="PORT"),
        "--cors-origins": _option(
            "origins whose web pages may use TensorFlow Serving's interface; *: every one (none)", _words, "ORIGIN,…"
        ),
        "--image-root": _option("let /recognize/path read images below this folder (off)", Path, "DIR"),
    },
    "load": {
        "--batch-rows": _option("most images computed together; 1: no batching (64)", dest="max_batch_size"),
        "--waiting-rows": _option("most images that wait; more are refused with 503 (1024)", dest="max_waiting_rows"),
        "--gpu": _option("require a GPU; without it the CPU computes", _switch, "true|false", nargs="?", const=True),
        "--threads": _option("computations at the same time (2)"),
        "--timeout": _option("seconds that a request may take (30)", float, "S"),
        "--arrival-timeout": _option("seconds for headers to arrive, and again for a body (20)", float, "S"),
        "--stop-timeout": _option("seconds that requests under way get after SIGTERM (10)", float, "S"),
        "--connections": _option("HTTP connections at the same time (1024)", dest="max_connections"),
        "--body-bytes": _option("longest body of a request (16777216)", dest="max_body_bytes"),
        "--held-bytes": _option("bytes of the bodies of all requests under way (268435456)", dest="max_held_bytes"),
    },
}


def parser(prog: str = "captcha-keras serve") -> OptionParser:
    """The argument parser; options that are not given keep the defaults of `ServeConfig`."""
    result = OptionParser(
        prog=prog,
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    result.add_argument("--options", type=Path, metavar="FILE", help="file of more options (none)")
    for title, options in OPTIONS.items():
        group = result.add_argument_group(title)
        for flag, settings in options.items():
            group.add_argument(flag, **settings)
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras serve") -> int:
    """Run the command; returns the exit status."""
    return run_command(lambda: _serve(_options(arguments, prog)), on_interrupt="The server stopped.")


def _options(arguments: Sequence[str] | None, prog: str) -> dict[str, Any]:
    flags = ["--options", *(flag for options in OPTIONS.values() for flag in options)]
    return parser(prog).read(flags, arguments, os.environ, PREFIX)


def _serve(options: dict[str, Any]) -> None:
    if "version_labels" in options:
        options["version_labels"] = parse_labels(options["version_labels"])
    require_packages(NEEDED)
    load_tensorflow()
    from captcha_keras.recognizer.pretrained import pretrained_path
    from captcha_keras.serving.batching import BatchingConfig
    from captcha_keras.serving.config import ServeConfig
    from captcha_keras.serving.logs import log_as_json
    from captcha_keras.serving.server import serve
    from captcha_keras.training.devices import select_device, share_cores

    select_device(options.pop("gpu", False))
    names = {field.name for field in fields(BatchingConfig)} & options.keys()
    batching = BatchingConfig(**{name: options.pop(name) for name in names})
    share_cores(batching.threads)
    if "model_config" not in options:
        options.setdefault("model", pretrained_path("captcha"))
    config = ServeConfig(**options, batching=batching)
    log_as_json()

    def on_start(port: int, grpc_port: int | None) -> None:
        host = f"[{config.host}]" if ":" in config.host else config.host
        grpc = f", gRPC on port {grpc_port}" if grpc_port else ""
        shown = ", ".join(map(str, map(_shortest, (model.path for model in config.models))))
        print(f"Serving {shown} on http://{host}:{port}/{grpc}. Ctrl-C ends it.", flush=True)

    serve(config, on_start=on_start)


def _shortest(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
