from __future__ import annotations

import re
import subprocess
import sys
from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from captcha_keras.cores import available_cores
from captcha_keras.errors import CommandError, InputError
from captcha_keras.training import devices
from captcha_keras.training.devices import (
    GPU_LOG,
    Device,
    compiles_with_xla,
    distribution,
    memory_named,
    precision_policy,
    processor_name,
    select_device,
)

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
    assert "pip install 'captcha-keras[cuda]'" in message
    # The reason is TensorFlow's own, from a log that is off in this process.
    (said,) = re.findall("^It says: (.*)$", message, re.MULTILINE)
    assert re.search("cuda", said, re.IGNORECASE)
    assert "] " not in said


LOG = """\
I0000 00:00:17.8  28197 port.cc:153] oneDNN custom operations are on. You may see slightly different
I0000 00:00:18.3  28197 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.
W0000 00:00:18.3  28197 gpu_device.cc:2342] Cannot dlopen some GPU libraries. Skipping registering devices...
I0000 00:00:18.3  28197 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.
"""


def test_reasons_are_taken_from_the_log_of_tensorflow() -> None:
    assert GPU_LOG.findall(LOG) == [
        "Could not find cuda drivers on your machine, GPU will not be used.",
        "Cannot dlopen some GPU libraries. Skipping registering devices...",
        "Could not find cuda drivers on your machine, GPU will not be used.",
    ]


def test_a_network_on_the_cpu_of_a_machine_with_a_gpu_is_not_compiled_by_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    there = [SimpleNamespace(name="/gpu:0", device_type="GPU")]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: there)
    assert network.jit_compile  # what Keras decides by itself
    assert not compiles_with_xla(network)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: there)
    assert compiles_with_xla(network)


def test_lack_of_memory_is_one_sentence() -> None:
    with pytest.raises(CommandError, match="does not hold a step of 64 images; try --batch-size 32"), memory_named(64):
        tf.zeros((2**44,))
    with pytest.raises(CommandError, match=r"does not hold a step of 1 images\.$"), memory_named(1):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.")  # as JAX says it


def test_cores_are_divided_among_threads() -> None:
    script = (
        "import tensorflow as tf\n"
        "from captcha_keras.training.devices import share_cores\n"
        "for threads in (1, 2, 1000):\n"
        "    share_cores(threads)\n"
        "    print(tf.config.threading.get_intra_op_parallelism_threads())\n"
        "tf.zeros(2).numpy()\n"
        "share_cores(1)  # too late, and no error\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    cores = available_cores()
    assert [int(line) for line in result.stdout.split()] == [cores, max(1, cores // 2), 1, 1]


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError), memory_named(8):
        tf.ensure_shape(tf.zeros(2), (3,))


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
