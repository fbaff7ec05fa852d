"""Headless Chromium (Debian: apt-get install chromium chromium-driver), and what its pages are asked.

Where there is none the tests of pages are skipped; with CAPTCHA_KERAS_BROWSER=required, as in CI, that is a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """A browser that keeps its log."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        assert os.environ.get("CAPTCHA_KERAS_BROWSER") != "required", "chromium and chromedriver are not installed"
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


def shown(browser: webdriver.Chrome, name: str) -> Any:
    """An element, once it is seen."""
    WebDriverWait(browser, 20).until(lambda _: browser.find_element(By.ID, name).is_displayed())
    return browser.find_element(By.ID, name)


@contextmanager
def color_scheme(page: webdriver.Chrome, scheme: str) -> Iterator[None]:
    """What a page sees of someone who prefers "light" or "dark"; checks that it is so."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        yield
        dark = luminance(page.execute_script(STYLE, "body", "backgroundColor")) < 0.1
        assert dark == (scheme == "dark")
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


STYLE = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"


def assert_readable(page: webdriver.Chrome, pairs: Iterable[tuple[str, str]]) -> None:
    """The words of the first element on the ground of the second have a contrast of at least 4.5 (WCAG 2.2)."""
    for front, back in pairs:
        values = [
            luminance(page.execute_script(STYLE, front, "color")),
            luminance(page.execute_script(STYLE, back, "backgroundColor")),
        ]
        assert (max(values) + 0.05) / (min(values) + 0.05) >= 4.5, (front, back)


def luminance(colour: str) -> float:
    channels = [int(value) / 255 for value in colour[colour.index("(") + 1 :].rstrip(")").split(",")[:3]]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
