"""The options of `serve`, from the command line, the environment and a file."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.cli.options import OptionParser
from captcha_keras.cli.serve import OPTIONS, PREFIX, main, parser
from captcha_keras.errors import InputError
from captcha_keras.serving.batching import BatchingConfig
from captcha_keras.serving.config import ServeConfig

FLAGS = ["--options", *(flag for options in OPTIONS.values() for flag in options)]


def read(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    return parser().read(FLAGS, arguments, environment, PREFIX)


def test_every_setting_has_an_option_and_a_variable() -> None:
    settings = {field.name for field in (*fields(ServeConfig), *fields(BatchingConfig))} - {"batching"} | {"gpu"}
    values = {"--version-labels": "a=1", "--gpu": "true", "--host": "h", "--name": "n"}
    given = [f"{flag}={values.get(flag, '7')}" for flag in FLAGS if flag != "--options"]
    assert read(given, {}).keys() == settings
    variables = {
        PREFIX + word[2:].partition("=")[0].replace("-", "_").upper(): word.partition("=")[2] for word in given
    }
    assert read([], variables) == read(given, {})


@pytest.mark.parametrize(
    ("arguments", "environment", "gpu"),
    [
        ([], {}, None),
        (["--gpu"], {}, True),
        (["--gpu=false"], {}, False),
        (["--gpu=false"], {PREFIX + "GPU": "true"}, False),
    ],
)
def test_gpu_is_a_flag_that_a_variable_can_set(arguments: list[str], environment: dict[str, str], gpu: bool) -> None:
    assert read(arguments, environment).get("gpu") is gpu
    with pytest.raises(InputError, match=r"CAPTCHA_KERAS_SERVE_GPU: .*expected true or false, got 'yes'"):
        read(arguments, {PREFIX + "GPU": "yes"})


def test_defaults_in_the_help_are_those_of_the_settings() -> None:
    shown = " ".join(parser().format_help().split())
    config = ServeConfig(Path("m"))
    for value in (config.port, config.max_connections, config.max_body_bytes, config.max_held_bytes, config.name):
        assert f"({value})" in shown
    for seconds in (config.poll_interval, config.load_retry_interval, config.arrival_timeout, config.stop_timeout):
        assert f"({seconds:g})" in shown
    batching = config.batching
    for number in (batching.max_batch_size, batching.max_waiting_rows, batching.threads, batching.timeout):
        assert f"({number:g})" in shown


def test_the_command_line_counts_before_the_file_and_that_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "serve.options"
    file.write_text("# of this machine\n--port 1 --threads=3  # cores\n--image-root 'my images'\n")
    environment = {f"{PREFIX}PORT": "2", f"{PREFIX}GRPC_PORT": "4", f"{PREFIX}OPTIONS": str(file), "CAPTCHA_KERAS": "x"}
    assert read(["--threads", "5"], environment) == {
        "port": 1,
        "threads": 5,
        "image_root": Path("my images"),
        "grpc_port": 4,
    }
    other = tmp_path / "other"
    other.write_text("")
    assert read(["--options", str(other)], environment) == {"port": 2, "grpc_port": 4}


def test_mistakes_name_their_place(tmp_path: Path) -> None:
    def refusal(environment: dict[str, str], content: bytes | None = None) -> str:
        if content is not None:
            (tmp_path / "file").write_bytes(content)
        with pytest.raises(InputError) as caught:
            read([] if content is None else ["--options", str(tmp_path / "file")], environment)
        return str(caught.value)

    assert refusal({f"{PREFIX}PORT": "x"}) == (
        "The environment variable CAPTCHA_KERAS_SERVE_PORT: argument --port: invalid int value: 'x'."
    )
    assert "CAPTCHA_KERAS_SERVE_PROT is no option; expected one of " in refusal({f"{PREFIX}PROT": "1"})
    assert refusal({}, b"--port x") == f"{tmp_path / 'file'}: argument --port: invalid int value: 'x'."
    assert refusal({}, b"--prot 1 no") == f"{tmp_path / 'file'}: unrecognized arguments: --prot 1 no."
    assert refusal({}, b"--name 'a") == f"{tmp_path / 'file'} is no file of options: No closing quotation."
    assert "is no file of options: 'utf-8' codec" in refusal({}, b"\xff")
    assert refusal({f"{PREFIX}OPTIONS": str(tmp_path)}) == f"{tmp_path} cannot be read: Is a directory."


WORDS = st.lists(st.sampled_from(["--port", "1", "--name", "'", "#", "\n", "@x", "--"])).map(" ".join)


@given(st.text(max_size=40) | WORDS)
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    small = OptionParser(argument_default=argparse.SUPPRESS, add_help=False)
    for flag, kind in (("--port", int), ("--name", str), ("--options", Path)):
        small.add_argument(flag, type=kind)
    path = tmp_path_factory.getbasetemp() / "serve.options"
    path.write_text(content, "utf-8", "surrogatepass")
    try:
        found = small.read([], ["--options", str(path)], {}, PREFIX)
    except InputError as error:
        found = {"name": str(error)}
    assert found.keys() <= {"port", "name"}


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    monkeypatch.setattr("captcha_keras.serving.logs.log_as_json", lambda: None)

    def run(*options: str) -> str:
        assert main([*options]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        return message

    return run


def test_wrong_use_is_one_sentence(
    refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "Labels must be like stable=1,canary=2, got 'x'." in refusal("--version-labels", "x")
    assert "not both." in refusal("--model", "a", "--model-config", "b")
    assert "none cannot be read: No such file or directory." in refusal("--model-config", "none")
    (tmp_path / "models.config").write_text("model_config_list { config { nom: 1 } }")
    assert 'has no field named "nom"' in refusal("--model-config", str(tmp_path / "models.config"))
    assert "max_load_retries must be at least 0, got -1." in refusal("--load-retries=-1")
    assert "max_held_bytes must be positive, got 0." in refusal("--held-bytes", "0")
    monkeypatch.setenv(f"{PREFIX}THREADS", "many")
    assert "CAPTCHA_KERAS_SERVE_THREADS: argument --threads: invalid int value: 'many'." in refusal()


def test_the_parser_is_made_without_tensorflow() -> None:
    code = (
        "import sys, captcha_keras.cli.serve as s; s.parser(); sys.exit(bool({'tensorflow', 'keras'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
