"""The page in headless Chromium."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.lively import SPEC
from tests.serving.browser import assert_readable, color_scheme, shown
from tests.serving.served import ServerProcess


@pytest.fixture(scope="module")
def server(version: Path) -> Iterator[ServerProcess]:
    with ServerProcess(version.parent) as server:
        yield server


@pytest.fixture
def page(browser: webdriver.Chrome, server: ServerProcess) -> Iterator[webdriver.Chrome]:
    browser.set_window_size(1000, 900)
    browser.get(server.url)
    yield browser
    # Nothing was blocked, missing or thrown.
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def read(browser: webdriver.Chrome, act: Callable[[], None]) -> tuple[str, str]:
    """What the page reads after something was done: the text and the line below."""
    browser.execute_script("document.getElementById('result').hidden = true")
    act()
    shown(browser, "result")
    return shown(browser, "text").text, shown(browser, "summary").text


def test_a_drawn_image_is_read(page: webdriver.Chrome) -> None:
    assert page.title == "captcha-keras"
    text, summary = read(page, page.find_element(By.ID, "draw").click)
    assert text == "no character" or 0 < len(text) <= 3
    assert "Right." in summary or "Wrong: it says" in summary
    assert "Confidence" in summary
    assert summary.endswith(" ms.")
    image = page.find_element(By.ID, "image")
    assert page.execute_script("return [arguments[0].naturalWidth, arguments[0].naturalHeight]", image) == [96, 64]
    columns = page.find_elements(By.CSS_SELECTOR, "#positions > li")
    assert [column.find_element(By.TAG_NAME, "h2").text for column in columns] == [
        "Position 1",
        "Position 2",
        "Position 3",
    ]
    for column in columns:
        rows = column.find_elements(By.CSS_SELECTOR, "ul li")
        assert len(rows) == 5
        assert {row.text.split("\n")[0] for row in rows} == {*SPEC.alphabet, "none"}
        widths = [row.find_element(By.CLASS_NAME, "bar").size["width"] for row in rows]
        assert widths == sorted(widths, reverse=True)
        assert widths[0] > widths[-1]


def test_a_file_is_read(page: webdriver.Chrome, tmp_path: Path, files: list[bytes]) -> None:
    found = []
    for number, content in enumerate(files[:3]):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(content)
        text, summary = read(page, lambda path=path: page.find_element(By.ID, "file").send_keys(str(path)))
        assert "Right" not in summary
        assert "Wrong" not in summary
        assert page.find_element(By.ID, "image").get_attribute("alt") == f"{number}.jpg"
        found.append(text)
    assert len(set(found)) > 1


def test_an_empty_text_is_said(page: webdriver.Chrome, tmp_path: Path, files: list[bytes]) -> None:
    answer = {"text": "", "confidence": 0.5, "milliseconds": 1.0, "characters": []}
    page.execute_script(
        "const answer = arguments[0]; window.fetch = async () => new Response(answer)", json.dumps(answer)
    )
    path = tmp_path / "image.jpg"
    path.write_bytes(files[0])
    text, _ = read(page, lambda: page.find_element(By.ID, "file").send_keys(str(path)))
    assert text == "no character"


def test_a_file_that_is_no_image_is_told(page: webdriver.Chrome, tmp_path: Path) -> None:
    path = tmp_path / "words.png"
    path.write_text("words")
    page.find_element(By.ID, "file").send_keys(str(path))
    assert "no complete PNG or JPEG" in shown(page, "error").text
    assert not page.find_element(By.ID, "result").is_displayed()
    entries = page.get_log("browser")  # the answer 400 itself
    assert all("400" in entry["message"] for entry in entries)


def test_an_image_is_read_again_within_limits(page: webdriver.Chrome) -> None:
    read(page, page.find_element(By.ID, "draw").click)
    alphabet, length = page.find_element(By.ID, "alphabet"), page.find_element(By.ID, "length")
    alphabet.send_keys("X")
    text, _ = read(page, lambda: length.send_keys("3", Keys.ENTER))
    assert text == "XXX"
    length.clear()
    length.send_keys("9", Keys.ENTER)
    assert shown(page, "error").text == "The model reads texts of 1-3 characters, not of 9."
    assert not page.find_element(By.ID, "result").is_displayed()
    page.get_log("browser")  # the answer 400 itself
    length.clear()
    assert read(page, lambda: length.send_keys("2", Keys.ENTER))[0] == "XX"
    assert not page.find_element(By.ID, "error").is_displayed()


def test_the_keyboard_alone_is_enough(page: webdriver.Chrome) -> None:
    body = page.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    focused = page.switch_to.active_element
    assert focused.get_attribute("id") == "draw"
    assert page.execute_script("return getComputedStyle(arguments[0]).outlineStyle", focused) == "solid"
    text, _ = read(page, lambda: focused.send_keys(Keys.ENTER))
    assert text
    page.switch_to.active_element.send_keys(Keys.TAB)
    assert page.switch_to.active_element.get_attribute("id") == "file"
    webdriver.ActionChains(page).send_keys(Keys.TAB).perform()
    assert page.switch_to.active_element.get_attribute("id") == "alphabet"


@pytest.mark.parametrize("width", [320, 390, 1400])
def test_it_fits_every_screen(page: webdriver.Chrome, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 1000}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        read(page, page.find_element(By.ID, "draw").click)
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        for button in page.find_elements(By.CSS_SELECTOR, "button, .button, .limits input"):
            assert button.size["height"] >= 44  # a finger's
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_both_schemes(page: webdriver.Chrome, scheme: str) -> None:
    """Contrasts of at least 4.5, as WCAG 2.2 asks of text."""
    with color_scheme(page, scheme):
        read(page, page.find_element(By.ID, "draw").click)
        pairs = [("h1", "body"), ("header p", "body"), ("#summary", "body"), ("#draw", "#draw"), (".button", "#drop")]
        pairs += [("#positions h2", "#positions > li"), ("#positions ul li", ".bar"), ("#error", "body")]
        pairs += [(".limits", "#drop"), ("#alphabet", "#alphabet")]
        assert_readable(page, pairs)


def test_nothing_comes_from_elsewhere(page: webdriver.Chrome, server: ServerProcess) -> None:
    read(page, page.find_element(By.ID, "draw").click)
    names = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert {f"{server.url}/page.css", f"{server.url}/page.js", f"{server.url}/recognize"} <= set(names)
    assert all(name.startswith((server.url, "blob:", "data:")) for name in names)
