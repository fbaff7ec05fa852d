from __future__ import annotations

from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from captcha_keras.errors import InputError
from captcha_keras.training import devices
from captcha_keras.training.devices import Device, distribution, precision_policy, processor_name, select_device

CPU = Device("cpu", ("a processor",))


def gpu(capability: tuple[int, int] | None, count: int = 1) -> Device:
    return Device("gpu", ("a GPU",) * count, capability)


@pytest.mark.parametrize(
    ("precision", "device", "flags", "policy"),
    [
        ("auto", CPU, "flags : fma avx512_bf16", "mixed_bfloat16"),
        ("auto", CPU, "flags : fma amx_bf16", "mixed_bfloat16"),
        ("auto", CPU, "flags : fma avx512f", "float32"),
        ("auto", CPU, None, "float32"),
        ("auto", gpu((7, 5)), "flags : avx512_bf16", "float32"),
        ("auto", gpu((8, 0)), None, "mixed_bfloat16"),
        ("auto", gpu((9, 0)), None, "mixed_bfloat16"),
        ("auto", gpu(None), None, "float32"),
        ("bfloat16", CPU, None, "mixed_bfloat16"),
        ("float16", gpu((7, 5)), None, "mixed_float16"),
        ("float32", gpu((9, 0)), "flags : avx512_bf16", "float32"),
    ],
)
def test_precision(
    monkeypatch: pytest.MonkeyPatch, precision: str, device: Device, flags: str | None, policy: str
) -> None:
    monkeypatch.setattr(devices, "_cpuinfo", lambda: [flags] if flags else [])
    assert precision_policy(precision, device) == policy


def test_an_unknown_precision_is_named() -> None:
    with pytest.raises(InputError, match="must be one of auto, float32, bfloat16, float16, got 'int8'"):
        precision_policy("int8", CPU)


def test_without_gpu_the_cpu_is_chosen_and_gpus_are_hidden() -> None:
    device = select_device(gpu=False)
    assert device.kind == "cpu"
    assert device.names == (processor_name(),)
    assert tf.config.get_visible_devices("GPU") == []


def test_a_missing_gpu_is_an_error_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with pytest.raises(InputError) as caught:
        select_device(gpu=True)
    message = str(caught.value)
    assert "tf.config.list_physical_devices('GPU')" in message
    assert "CUDA_VISIBLE_DEVICES='-1'" in message
    assert "pip install 'tensorflow[and-cuda]'" in message


def test_gpus_that_are_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    two = [SimpleNamespace(name="/gpu:0"), SimpleNamespace(name="/gpu:1")]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: two)
    details = {"device_name": "NVIDIA X", "compute_capability": (8, 9)}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    assert select_device(gpu=True) == Device("gpu", ("NVIDIA X", "NVIDIA X"), (8, 9))


def test_gpus_can_be_hidden_only_before_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(devices: list[object], kind: str) -> None:
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    seen = [SimpleNamespace(name="/gpu:0")]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: seen)
    monkeypatch.setattr(tf.config, "set_visible_devices", too_late)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: seen)
    with pytest.raises(InputError, match="TensorFlow already uses a GPU in this process"):
        select_device(gpu=False)
    # They were hidden before: nothing is lost.
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    assert select_device(gpu=False).kind == "cpu"


def test_a_machine_without_gpus_may_have_used_tensorflow_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(devices: list[object], kind: str) -> None:
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "set_visible_devices", never)
    assert select_device(gpu=False).kind == "cpu"


def test_an_unsupported_backend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(InputError, match="backend 'numpy' is not supported"):
        select_device(gpu=False)


def test_several_gpus_compute_data_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    with distribution(CPU)(), distribution(gpu((8, 0)))():
        assert not tf.distribute.has_strategy()
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: strategy)
    with distribution(gpu((8, 0), count=2))():
        assert tf.distribute.get_strategy() is strategy
