"""Where a job computes and in which precision: the device asked for, or an error, never a silent other one."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import keras

from captcha_keras.cores import available_cores
from captcha_keras.errors import CommandError, InputError

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
# Instructions that compute bfloat16 products; without them oneDNN emulates it, slower than float32.
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
AMPERE = (8, 0)

NO_GPU = """--gpu asks for a GPU and the {backend} backend sees none.
Looked for: {looked}.
It says: {said}
Install the CUDA build with: pip install 'captcha-keras[{extra}]'"""
# What TensorFlow logs about GPUs: a level, process and place, then the reason.
GPU_LOG = re.compile(r"^[IWE]\d{4} .*?\] (.*(?:cuda|cudnn|cuinit|dlopen|driver).*)$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Device:
    """What a job runs on.

    Attributes:
        kind: "cpu" or "gpu".
        names: The names of the processors or GPUs.
        compute_capability: Of the first GPU, (major, minor); None where unknown or on a CPU.

    Example:
        >>> precision_policy("float16", Device("gpu", ("Tesla T4",), compute_capability=(7, 5)))
        'mixed_float16'
    """

    kind: str
    names: tuple[str, ...]
    compute_capability: tuple[int, int] | None = None


def select_device(gpu: bool) -> Device:
    """Choose GPUs or hide them; call it before anything is computed.

    Args:
        gpu: Whether GPUs are required. If not, they are hidden and the CPU computes.

    Raises:
        InputError: GPUs are required and none is visible.

    Example:
        >>> device = select_device(gpu=False)
        >>> device.kind, len(device.names), device.compute_capability
        ('cpu', 1, None)
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _tensorflow_device(gpu)
    _hide_tensorflow_gpus()  # tf.data runs beside every backend and must not take the GPU's memory
    if backend == "jax":
        return _jax_device(gpu)
    raise InputError(f"The Keras backend {backend!r} is not supported; use tensorflow or jax.")


def precision_policy(precision: str, device: Device) -> str:
    """The Keras dtype policy for a precision; "auto" takes bfloat16 where the hardware computes it.

    Returns:
        "float32", "mixed_bfloat16" or "mixed_float16" (variables are float32 in all of them).

    Raises:
        InputError: There is no such precision.

    Example:
        >>> turing, ampere = Device("gpu", ("T4",), (7, 5)), Device("gpu", ("A100",), (8, 0))
        >>> precision_policy("auto", turing), precision_policy("auto", ampere)
        ('float32', 'mixed_bfloat16')
    """
    if precision not in PRECISIONS:
        raise InputError(f"The precision must be one of {', '.join(PRECISIONS)}, got {precision!r}.")
    if precision == "auto":
        precision = "bfloat16" if _computes_bfloat16(device) else "float32"
    return "float32" if precision == "float32" else f"mixed_{precision}"


def distribution(device: Device) -> Callable[[], AbstractContextManager[object]]:
    """What makes the scope in which a model is built: data parallel on several GPUs, else without effect.

    Example:
        >>> with distribution(Device("cpu", ("EPYC",)))() as scope:
        ...     scope is None
        True
    """
    if len(device.names) < 2 or device.kind != "gpu":
        return nullcontext
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy().scope
    return keras.distribution.DataParallel(auto_shard_dataset=False).scope


def compiles_with_xla(network: keras.Model) -> bool:
    """Whether XLA shall compile a network's steps: what Keras chooses, but never for TensorFlow on a CPU.

    Keras asks for the GPUs of the machine, so on one whose GPU is hidden it would compile for the CPU, where steps
    compiled by XLA take two to four times as long.

    Example:
        >>> device = select_device(gpu=False)
        >>> network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> compiles_with_xla(network) == (keras.backend.backend() == "jax")
        True
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.get_visible_devices("GPU"):
            return False
    return bool(network.jit_compile)


def share_cores(threads: int) -> None:
    """Divide the cores among threads that compute at the same time.

    By itself TensorFlow lets every computation use all cores. Where several compute at once, they then wait for each
    other's parts. It has no effect in a process that has computed something before.

    Args:
        threads: Computations at the same time.

    Example:
        >>> share_cores(1)  # each may use all cores
    """
    import tensorflow as tf

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(max(1, available_cores() // threads))


@contextmanager
def memory_named(batch_size: int) -> Iterator[None]:
    """Turn a device's lack of memory into one sentence.

    Args:
        batch_size: Images a step, of what the block computes.

    Raises:
        CommandError: The memory did not suffice.

    Example:
        >>> with memory_named(batch_size=64):
        ...     raise MemoryError
        Traceback (most recent call last):
        captcha_keras.errors.CommandError: The memory does not hold a step of 64 images; try --batch-size 32.
    """
    try:
        yield
    except Exception as error:
        # TensorFlow's ResourceExhaustedError and JAX's JaxRuntimeError have nothing else in common.
        exhausted = "RESOURCE_EXHAUSTED" in str(error) or type(error).__name__ == "ResourceExhaustedError"
        if not (exhausted or isinstance(error, MemoryError)):
            raise
        smaller = f"; try --batch-size {batch_size // 2}" if batch_size > 1 else ""
        raise CommandError(f"The memory does not hold a step of {batch_size:,} images{smaller}.") from error


def processor_name() -> str:
    """The processor's name and the number of cores this process may use.

    Example:
        >>> processor_name().rpartition(", ")[2].split()[0] == str(available_cores())
        True
    """
    name = platform.processor() or platform.machine()
    for line in _cpuinfo():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    cores = available_cores()
    return f"{name}, {cores} {'core' if cores == 1 else 'cores'}"


def _computes_bfloat16(device: Device) -> bool:
    if device.kind == "gpu":
        return device.compute_capability is not None and device.compute_capability >= AMPERE
    if keras.backend.backend() != "tensorflow":
        return False  # XLA's CPU backend converts to float32 and back
    flags = next((line for line in _cpuinfo() if line.startswith("flags")), "")
    return bool(BFLOAT16_FLAGS & set(flags.split()))


def _tensorflow_device(gpu: bool) -> Device:
    import tensorflow as tf

    if not gpu:
        _hide_tensorflow_gpus()
        return Device("cpu", (processor_name(),))
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        built = "built with CUDA" if tf.test.is_built_with_cuda() else "built without CUDA"
        asked = f"tf.config.list_physical_devices('GPU') in TensorFlow {tf.__version__} ({built})"
        raise _no_gpu("cuda", asked, _tensorflow_log())
    details = [tf.config.experimental.get_device_details(each) for each in devices]
    names = tuple(detail.get("device_name", "GPU") for detail in details)
    return Device("gpu", names, details[0].get("compute_capability"))


def _jax_device(gpu: bool) -> Device:
    import jax

    if not gpu:
        jax.config.update("jax_platforms", "cpu")
        return Device("cpu", (processor_name(),))
    try:
        devices = jax.devices("gpu")
    except RuntimeError as error:
        raise _no_gpu("jax-cuda", f"jax.devices('gpu') in JAX {jax.__version__}", [str(error)]) from error
    capability = str(getattr(devices[0], "compute_capability", ""))
    major, _, minor = capability.partition(".")
    known = (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None
    return Device("gpu", tuple(each.device_kind for each in devices), known)


def _no_gpu(extra: str, asked: str, reasons: list[str]) -> InputError:
    looked = [asked]
    looked.append(
        "the NVIDIA driver (/proc/driver/nvidia/version: "
        f"{'found' if Path('/proc/driver/nvidia/version').exists() else 'missing'})"
    )
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None:
        looked.append(f"CUDA_VISIBLE_DEVICES={hidden!r}")
    backend = keras.backend.backend()
    said = " ".join(reasons) or "nothing"
    return InputError(NO_GPU.format(backend=backend, looked="; ".join(looked), said=said, extra=extra))


def _tensorflow_log() -> list[str]:
    """What TensorFlow logs about GPUs while it looks for them, in a process of its own: here its log is off."""
    command = [sys.executable, "-c", "import tensorflow as tf; tf.config.list_physical_devices('GPU')"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0"}
    log = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr
    return list(dict.fromkeys(GPU_LOG.findall(log)))


def _hide_tensorflow_gpus() -> None:
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        return
    try:
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError as error:
        # TensorFlow was used before, as in a notebook; then it has the GPUs that it saw at its first use.
        if tf.config.get_visible_devices("GPU"):
            raise InputError(
                "TensorFlow already uses a GPU in this process, so it can no longer be hidden; restart the process or "
                "the notebook's kernel, or ask for the GPU."
            ) from error


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
