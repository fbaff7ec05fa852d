"""Installs generators into a cache of their own; of the system's packages, those that Debian has.

PyPI's go into a virtual environment each, npm's into a folder each. Debian's are installed by `apt-get`, for which one
must be root; nothing is installed twice.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.real_generators.generators import Generator

CACHE = Path.home() / ".cache" / "captcha-keras" / "real-generators"
DRIVERS = Path(__file__).parent / "drivers"
INTERPRETERS = {".php": "php", ".pl": "perl", ".rb": "ruby"}


class InstallError(Exception):
    """Something that cannot be had on this machine; the message says what and why."""


def install(generator: Generator) -> Sequence[str]:
    """Install what is missing.

    Returns:
        The command that runs the driver, without the driver's arguments.

    Raises:
        InstallError: It cannot be installed here.
    """
    install_debian((*generator.system, *(generator.packages if generator.registry == "Debian" else ())))
    driver = str(DRIVERS / generator.driver)
    if generator.registry == "PyPI":
        return [str(virtual_environment(generator.name, generator.packages)), driver]
    if generator.registry == "npm":
        return ["env", f"NODE_PATH={npm_folder(generator.name, generator.packages)}", "node", driver]
    return [INTERPRETERS[Path(driver).suffix], driver]


def virtual_environment(name: str, packages: Sequence[str]) -> Path:
    """The interpreter of a virtual environment with these packages from PyPI."""
    folder = CACHE / name
    python = folder / "bin" / "python"
    if _missing(folder, packages):
        call([sys.executable, "-m", "venv", "--clear", str(folder)])
        call([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
        _complete(folder, packages)
    return python


def npm_folder(name: str, packages: Sequence[str]) -> Path:
    """The folder `node_modules` with these packages from npm."""
    folder = CACHE / name
    if _missing(folder, packages):
        call(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *packages])
        _complete(folder, packages)
    return folder / "node_modules"


def install_debian(packages: Sequence[str]) -> None:
    """Install Debian's packages into the system, those that are not there yet."""
    missing = [package for package in packages if debian_version(package) is None]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None:
        raise InstallError("apt-get is not there; Debian's packages need Debian or a relative of it")
    if os.geteuid():
        raise InstallError(f"one must be root to run: {' '.join(command)}")
    print(f"installing into the system: {' '.join(missing)}", flush=True)
    call(["apt-get", "update"])
    call(command)


def debian_version(package: str) -> str | None:
    """The installed version of one of Debian's packages `NAME` or `NAME=VERSION`; None if it is not installed."""
    if shutil.which("dpkg-query") is None:
        return None
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}", package.partition("=")[0]]
    state, _, version = subprocess.run(query, capture_output=True, text=True, check=False).stdout.partition(" ")
    return version if state == "installed" else None


def versions(generator: Generator) -> Mapping[str, str]:
    """The versions of what draws, by package; of Debian's packages those that are installed."""
    debian = (*generator.system, *(generator.packages if generator.registry == "Debian" else ()))
    fixed = () if generator.registry == "Debian" else generator.packages
    separator = "@" if generator.registry == "npm" else "=="
    pinned = {name: version for name, _, version in (package.rpartition(separator) for package in fixed)}
    return pinned | {package.partition("=")[0]: debian_version(package) or "none" for package in debian}


def call(command: Sequence[str], **options: str) -> str:
    """Run a command.

    Args:
        command: The command.
        options: Variables that it finds in its environment besides.

    Returns:
        What it printed.

    Raises:
        InstallError: It is not there, or it failed; the message ends with the last line that it wrote.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=os.environ | options
        )
    except OSError as error:
        raise InstallError(f"{command[0]} cannot be run: {error.strerror or error}") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise InstallError(f"{Path(command[0]).name} failed with {done.returncode}: {last}")
    return done.stdout


def _missing(folder: Path, packages: Sequence[str]) -> bool:
    """Whether a folder of the cache does not hold these packages, all of them, yet."""
    try:
        return json.loads((folder / "complete.json").read_text("utf-8")) != list(packages)
    except (OSError, ValueError):
        return True


def _complete(folder: Path, packages: Sequence[str]) -> None:
    (folder / "complete.json").write_text(json.dumps(list(packages)), "utf-8")
