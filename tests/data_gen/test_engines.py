from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ray_generation import kill_a_worker
from captcha_keras.errors import CommandError, InputError
from data_gen import generate_dataset, processes, ray_tasks
from data_gen.engines import Job
from tests.data_gen.folders import SETTINGS, contents, in_this_process


def test_a_killed_ray_worker_is_replaced_and_the_bytes_are_the_same(tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one(done: int, total: int) -> Callable[[int], None]:
        def report(drawn: int) -> None:
            # At a given moment its workers may all be between two tasks.
            if not killed and (number := kill_a_worker()):
                killed.append(number)

        return report

    settings = replace(SETTINGS, count=6000)
    generate_dataset(settings, tmp_path / "data", engine=ray_tasks(workers=2), progress=kill_one)
    assert killed
    generate_dataset(settings, tmp_path / "reference", engine=processes(2))
    assert contents(tmp_path / "data") == contents(tmp_path / "reference")


def test_what_a_replaced_worker_left_half_written_is_removed(tmp_path: Path, reference: dict[str, str]) -> None:
    def engine(job: Job, pieces: Iterator[int]) -> Iterator[int]:
        (job.folder / ".tmp-1-0003.jpg").write_bytes(b"half")
        yield from in_this_process(job, pieces)

    generate_dataset(SETTINGS, tmp_path / "data", engine=engine)
    assert contents(tmp_path / "data") == reference


@pytest.mark.parametrize(
    ("address", "message"),
    [("127.0.0.1:1", "There is no Ray cluster at 127.0.0.1:1"), ("somewhere", "must look like 10.0.0.1:6379")],
)
def test_no_cluster_at_an_address_is_one_sentence(address: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        ray_tasks(address)
    assert message in str(caught.value)


def test_a_dead_worker_is_named_and_the_rest_is_kept(tmp_path: Path, reference: dict[str, str]) -> None:
    folder = tmp_path / "data"

    def kill_a_worker(done: int, total: int) -> object:
        def report(drawn: int) -> None:
            for child in multiprocessing.active_children():
                child.kill()

        return report

    with pytest.raises(CommandError, match="A worker process died"):
        generate_dataset(SETTINGS, folder, engine=processes(1), progress=kill_a_worker)
    assert not (folder / "dataset.json").exists()
    generate_dataset(SETTINGS, folder, engine=processes(1))
    assert contents(folder) == reference


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches a whole process group on POSIX alone")
def test_a_worker_that_still_imports_does_not_see_ctrl_c(tmp_path: Path) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(
        "import os, signal\n"
        "from data_gen.engines import process_pool\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, lambda *_: print('interrupted', flush=True))\n"
        "    with process_pool(2) as pool:\n"
        "        task = pool.submit(len, 'captcha')\n"
        "        os.killpg(0, signal.SIGINT)\n"
        "        print(task.result())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment, start_new_session=True, timeout=120
    )
    assert (result.stdout, result.stderr, result.returncode) == ("interrupted\n7\n", "", 0)
