"""Puts the models of `models/` into the wheel, as `captcha_keras/pretrained`; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithModels(build_py):
    """Copies packages, and the versions of the models in `models/`, into the folder that becomes the wheel."""

    def run(self) -> None:
        """Copy; an editable installation reads `models/` itself."""
        if self.editable_mode:
            super().run()
            return
        # What an earlier build left there would get into the wheel.
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        for version in (file.parent for file in Path("models").glob("*/*/saved_model.pb")):
            shutil.copytree(version, Path(self.build_lib, "captcha_keras/pretrained", *version.parts[1:]))


setup(cmdclass={"build_py": BuildWithModels})
