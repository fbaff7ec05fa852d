from __future__ import annotations

import os
import subprocess
import sys

import pytest

from captcha_keras.cores import available_cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process to a core")
def test_a_process_bound_to_one_core_may_use_one() -> None:
    code = (
        "import os\nfrom captcha_keras.cores import available_cores\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nprint(available_cores())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "1"


def test_without_affinity_it_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert available_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1
