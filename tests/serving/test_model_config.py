"""TF Serving's `models.config`, as its own parser reads it and as this server understands it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from captcha_keras.errors import InputError
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.models.model_config import ModelConfig, VersionPolicy, parse_labels, read_model_config

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for many files of one name."""
    return tmp_path_factory.mktemp("configs")


ONE = 'name: "a" base_path: "/m/a" model_platform: "tensorflow"'


def write(folder: Path, *configs: str) -> Path:
    path = folder / "models.config"
    path.write_text("model_config_list { " + " ".join(f"config {{ {each} }}" for each in configs) + " }")
    return path


def test_the_file_for_tf_serving_is_read() -> None:
    captcha, other = read_model_config(DEPLOY / "models.config")
    assert captcha == ModelConfig("captcha", Path("/models/captcha"))
    assert (other.name, other.path) == ("any", Path("/models/any"))


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("", VersionPolicy(1)),
        ("model_version_policy { latest { num_versions: 2 } }", VersionPolicy(2)),
        ("model_version_policy { latest { } }", VersionPolicy(1)),
        ("model_version_policy { all { } }", VersionPolicy(None)),
        (
            "model_version_policy { specific { versions: 3 versions: [5, 3] } }",
            VersionPolicy(None, frozenset({3, 5})),
        ),
    ],
)
def test_policies_and_labels(tmp_path: Path, text: str, policy: VersionPolicy) -> None:
    labels = 'version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: 2 }'
    (model,) = read_model_config(write(tmp_path, f"{ONE} {text} {labels}"))
    assert model == ModelConfig("a", Path("/m/a"), policy, {"stable": 1, "canary": 2})


def test_an_older_file_names_the_type(tmp_path: Path) -> None:
    assert read_model_config(write(tmp_path, 'name: "a" base_path: "/m/a" model_type: TENSORFLOW'))[0].name == "a"


@pytest.mark.parametrize(
    ("configs", "words"),
    [
        ([f"{ONE} base_bath: 1"], r'no field named "base_bath"'),
        ([f'{ONE} name: "b"'], r'should not have multiple "name" fields'),
        ([f"{ONE} version_labels {{ key: 1 }}"], "Expected string"),
        ([ONE.replace('"/m/a"', '"/m/a')], "is no ModelServerConfig in text format: "),
        ([ONE, ONE], "lists the model 'a' more than once."),
        ([ONE.replace('"a" ', '"" ')], "has a model without a name."),
        ([ONE.replace("/m/a", "m/a")], "model 'a': base_path must be an absolute path, got 'm/a'."),
        ([ONE.replace("/m/a", "gs://b/a")], "model 'a': base_path must be an absolute path, got 'gs://b/a'."),
        ([ONE.replace("tensorflow", "other")], "model 'a': model_platform must be 'tensorflow', got 'other'."),
        (['name: "a" base_path: "/m/a"'], "model 'a': model_platform must be 'tensorflow', got ''."),
        ([f"{ONE} model_type: TENSORFLOW"], "model 'a': model_platform must be 'tensorflow', got 'tensorflow'."),
        ([f"{ONE} logging_config {{ }}"], "model 'a': this server has no logging_config."),
        (
            [f"{ONE} model_version_policy {{ specific {{ }} }}"],
            "model 'a': the policy specific names no versions.",
        ),
        ([], "lists no model; expected a model_config_list with at least one config."),
    ],
)
def test_what_is_wrong_is_told_with_the_file(tmp_path: Path, configs: list[str], words: str) -> None:
    path = write(tmp_path, *configs)
    with pytest.raises(InputError) as caught:
        read_model_config(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert words in message
    assert "\n" not in message


def test_the_file_is_read_once(tmp_path: Path) -> None:
    config = ServeConfig(model_config=write(tmp_path, ONE))
    assert [model.name for model in config.models] == ["a"]
    write(tmp_path, ONE.replace('"a"', '"b"'))
    assert [model.name for model in config.models] == ["a"]


def test_other_files_are_refused(tmp_path: Path) -> None:
    def refusal(content: bytes) -> str:
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(InputError) as caught:
            read_model_config(tmp_path / "file")
        return str(caught.value)

    assert "lists no model" in refusal(b"")
    assert "is no ModelServerConfig in text format: 'utf-8' codec" in refusal(b"\xff")
    any_message = b'custom_model_config { type_url: "a/b" }'
    assert "has a custom_model_config; expected a model_config_list." in refusal(any_message)
    with pytest.raises(InputError, match=r"none cannot be read: No such file or directory\."):
        read_model_config(tmp_path / "none")
    with pytest.raises(InputError, match=r"cannot be read: Is a directory\."):
        read_model_config(tmp_path)


def test_the_package_that_it_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_serving.config.model_server_config_pb2", None)
    with pytest.raises(InputError, match=r"^--model-config needs more packages: pip install 'captcha-keras\[grpc\]'"):
        read_model_config(DEPLOY / "models.config")


NUMBERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
PATHS = TEXTS.map(lambda name: Path("/", name))
POLICIES = st.one_of(
    st.builds(VersionPolicy, st.integers(1, 2**32 - 1)),
    st.just(VersionPolicy(None)),
    st.builds(VersionPolicy, st.none(), st.frozensets(NUMBERS, min_size=1, max_size=4)),
)
MODELS = st.lists(
    st.builds(
        ModelConfig,
        TEXTS,
        TEXTS.map(lambda name: Path("/", name)),
        POLICIES,
        st.dictionaries(TEXTS, NUMBERS, max_size=3),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda model: model.name,
)


def message(models: list[ModelConfig]) -> Any:
    """The same models as TF Serving's message."""
    config = ModelServerConfig()
    for model in models:
        each = config.model_config_list.config.add(
            name=model.name, base_path=str(model.path), model_platform="tensorflow", version_labels=model.labels
        )
        if model.policy.specific is not None:
            each.model_version_policy.specific.versions.extend(model.policy.specific)
        elif model.policy.latest is None:
            each.model_version_policy.all.SetInParent()
        else:
            each.model_version_policy.latest.num_versions = model.policy.latest
    return config


@given(MODELS, st.booleans())
def test_what_protobuf_writes_is_read(folder: Path, models: list[ModelConfig], one_line: bool) -> None:
    path = folder / "models.config"
    path.write_text(text_format.MessageToString(message(models), as_one_line=one_line), "utf-8")
    assert read_model_config(path) == models


PIECES = r"""model_config_list config { } [ ] : , ; < > " name base_path model_platform "tensorflow" "/m" "\777" '\xff'
all latest num_versions specific versions version_labels key value -1 1e400 99999999999999999999 0x1 #
custom_model_config 7 [type.googleapis.com/tensorflow.serving.ModelConfig]
model_version_policy logging_config model_type"""
WORDS = st.sampled_from(PIECES.split())


@given(st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=60), st.binary(max_size=4))
def test_any_file_is_read_or_refused_in_one_sentence(folder: Path, text: str, more: bytes) -> None:
    path = folder / "models.config"
    path.write_bytes(text.encode("utf-8", "surrogatepass") + more)
    try:
        told = str(read_model_config(path)[0].path)
    except InputError as error:
        told = str(error)
    assert told.startswith("/")  # the path of a model, or of the file
    assert "\n" not in told


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    deep = "custom_model_config { [type.googleapis.com/google.protobuf.Any] " * 2000
    (tmp_path / "file").write_text(deep)
    with pytest.raises(InputError, match=r"is no ModelServerConfig in text format"):
        read_model_config(tmp_path / "file")


@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]+", fullmatch=True), st.integers(0, 10**18 - 1), min_size=1))
def test_labels_of_the_command_line(labels: dict[str, int]) -> None:
    assert parse_labels(",".join(f"{label}={number}" for label, number in labels.items())) == labels


@pytest.mark.parametrize("text", ["", "stable", "stable=", "=1", "a=1,a=2", "a=-1", "a=1,", "a=٣", "a=" + "9" * 19])
def test_wrong_labels_are_told(text: str) -> None:
    with pytest.raises(InputError, match=r"^Labels must be like stable=1,canary=2, got "):
        parse_labels(text)


@given(POLICIES, st.sets(NUMBERS, max_size=6))
def test_a_policy_chooses_as_tf_serving_does(policy: VersionPolicy, versions: set[int]) -> None:
    chosen = policy.choose(versions)
    assert chosen == sorted(chosen, reverse=True)
    if policy.specific is not None:
        assert set(chosen) == versions & policy.specific
    elif policy.latest is None:
        assert set(chosen) == versions
    else:
        assert len(chosen) == min(policy.latest, len(versions))
        assert all(version in chosen or version < min(chosen) for version in versions)
