"""The page for labelling in headless Chromium, by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from captcha_keras.dataset.layouts import open_dataset
from tests.lively import FILES
from tests.serving.browser import assert_readable, color_scheme, shown
from tests.serving.served import LabelProcess

IMAGES = 24
# Chromium logs each answer that refuses an entry.
REFUSED = "status of 400"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images whose names are no words of an address."""
    folder = tmp_path_factory.mktemp("place") / "images"
    folder.mkdir()
    for index in range(IMAGES):
        (folder / f"{index} ä#?%2f,'\".jpg").write_bytes(FILES[index % len(FILES)])
    return folder


@pytest.fixture(scope="module")
def server(place: Path, version: Path) -> Iterator[LabelProcess]:
    options = ("--model", str(version), "--train-every", "0", "--alphabet", "0OXé", "--length", "1-3", "--no-browser")
    with LabelProcess(place, *options) as server:
        yield server


@pytest.fixture
def page(browser: webdriver.Chrome, server: LabelProcess) -> Iterator[webdriver.Chrome]:
    browser.set_window_size(1000, 900)
    browser.get(server.url)
    wait(browser, lambda: value(browser) != "")
    yield browser
    # Nothing was missing or thrown.
    log = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [entry for entry in log if REFUSED not in entry["message"]] == []


def wait(page: webdriver.Chrome, finished: Any) -> None:
    WebDriverWait(page, 60, 0.05).until(lambda _: finished())


def words(page: webdriver.Chrome, name: str) -> str:
    return page.find_element(By.ID, name).text


def value(page: webdriver.Chrome) -> str:
    return str(page.find_element(By.ID, "text").get_attribute("value"))


def press(page: webdriver.Chrome, *keys: str) -> None:
    """What someone types who has no mouse and looks at nothing but the image."""
    webdriver.ActionChains(page).send_keys(*keys).perform()


def go(page: webdriver.Chrome, *keys: str) -> str:
    """Press keys after which another image comes, with a text in the field; returns its name."""
    before = words(page, "name")
    press(page, *keys)
    wait(page, lambda: words(page, "name") not in (before, "") and value(page) != "")
    return words(page, "name")


def kept(place: Path) -> dict[str, str]:
    return {record.name: record.text for record in open_dataset(place).records}


def test_images_are_labelled_gone_back_to_and_mended_by_keyboard_alone(page: webdriver.Chrome, place: Path) -> None:
    names = [words(page, "name")]
    suggestions = [value(page)]
    # The suggestion as it stands.
    names.append(go(page, Keys.ENTER))
    suggestions.append(value(page))
    # Typed over it: what is in the field is selected.
    names.append(go(page, "OX", Keys.ENTER))
    # Skipped, then one with a suggestion that is mended at its end.
    names.append(go(page, Keys.TAB))
    suggestions.append(value(page))
    names.append(go(page, Keys.END, Keys.BACKSPACE, Keys.BACKSPACE, Keys.BACKSPACE, "éé0", Keys.ENTER))
    assert len(set(names)) == 5
    expected = {names[0]: suggestions[0], names[1]: "OX", names[3]: "éé0"}
    assert kept(place) == expected
    assert page.title.startswith(f"3 of {IMAGES}")
    assert words(page, "count") == f"3 of {IMAGES} labelled, 3 in this session"
    right = sum(text == suggestion for text, suggestion in zip(expected.values(), suggestions, strict=True))
    assert words(page, "networks").split("\n")[1] == f"{page_network(page)} {right} of 3 {100 * right // 3} %"
    assert "1 skipped image will come again" in words(page, "notes")

    # Three images back, the skipped one among them; their labels are in the field.
    assert [go(page, Keys.ESCAPE) for _ in range(3)] == [names[3], names[2], names[1]]
    assert value(page) == "OX"
    assert "has a label" in words(page, "hint")
    # Mended, and on with the first image that has none.
    assert go(page, "X0", Keys.ENTER) == names[4]
    assert kept(place) == {**expected, names[1]: "X0"}
    assert words(page, "count") == f"3 of {IMAGES} labelled, 3 in this session"
    # A page that is opened anew goes on there, and goes back through the images in order.
    page.refresh()
    wait(page, lambda: words(page, "name") == names[4])
    assert go(page, Keys.ESCAPE) == names[3]
    assert value(page) == "éé0"


def page_network(page: webdriver.Chrome) -> str:
    return page.find_element(By.CSS_SELECTOR, "#networks th").text


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("0A", "'0A' has 'A' outside the alphabet '0OXé'."),
        ("0000", "'0000' has 4 characters, expected 1-3."),
        (Keys.DELETE, "Type the text of the image, or skip it with Tab."),
        (Keys.SPACE, "Type the text of the image, or skip it with Tab."),
    ],
)
def test_an_entry_that_is_no_label_is_told_and_kept_in_the_field(
    page: webdriver.Chrome, place: Path, entry: str, message: str
) -> None:
    before, name = (place / "labels.csv").read_bytes(), words(page, "name")
    press(page, entry)
    typed = value(page)
    press(page, Keys.ENTER)
    assert shown(page, "error").text == message
    assert (words(page, "name"), value(page)) == (name, typed)
    assert (place / "labels.csv").read_bytes() == before
    press(page, "0")
    assert not page.find_element(By.ID, "error").is_displayed()


def test_a_key_that_is_held_down_accepts_one_image(page: webdriver.Chrome, place: Path) -> None:
    before, name = kept(place), words(page, "name")
    for repeated in (False, True, True, True):
        key = {"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        page.execute_cdp_cmd("Input.dispatchKeyEvent", {**key, "autoRepeat": repeated})
    wait(page, lambda: words(page, "name") != name and value(page) != "")
    for _ in range(5):
        page.execute_cdp_cmd("Input.dispatchKeyEvent", {**key, "autoRepeat": True})
    page.execute_cdp_cmd("Input.dispatchKeyEvent", {**key, "type": "keyUp"})
    assert len(kept(place)) == len(before) + 1


def test_the_image_is_large_and_its_pixels_are_whole(page: webdriver.Chrome) -> None:
    image = page.find_element(By.ID, "image")
    assert page.execute_script("return [arguments[0].naturalWidth, arguments[0].naturalHeight]", image) == [96, 64]
    factor = image.size["width"] / 96
    assert factor == int(factor) >= 3
    assert image.size["height"] == 64 * factor
    assert page.execute_script("return getComputedStyle(arguments[0]).imageRendering", image) == "pixelated"
    assert image.get_attribute("alt") == f"The image {words(page, 'name')}"
    assert page.switch_to.active_element.get_attribute("id") == "text"
    assert page.find_element(By.ID, "text").accessible_name == "Text of the image"


@pytest.mark.parametrize("width", [320, 390, 1400])
def test_it_fits_every_screen(page: webdriver.Chrome, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 1000}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        frame = page.find_element(By.ID, "frame")
        wait(page, lambda: frame.size["width"] < width)
        # Image, field and keys are seen at once.
        for name in ("image", "text", "accept", "skip", "back"):
            box = page.find_element(By.ID, name).rect
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= 800
        image = page.find_element(By.ID, "image")
        factor = min(frame.size["width"] / 96, frame.size["height"] / 64)
        assert image.size["width"] == pytest.approx(96 * (factor if factor < 3 else int(factor)), abs=1)
        press(page, "X" * 60, Keys.ENTER)
        shown(page, "error")
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_both_schemes(page: webdriver.Chrome, scheme: str) -> None:
    with color_scheme(page, scheme):
        press(page, "A", Keys.ENTER)
        shown(page, "error")
        pairs = [("h1", "body"), ("#count", "body"), ("#name", "#work"), (".entry label", "#work"), ("#text", "#text")]
        pairs += [("#hint", "#work"), ("#accept", "#accept"), ("#state", "body"), ("th", "body"), ("#error", "body")]
        assert_readable(page, pairs)


def test_nothing_comes_from_elsewhere(page: webdriver.Chrome, server: LabelProcess) -> None:
    names = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert {f"{server.url}/{name}" for name in ("page.css", "label.css", "label.js", "next")} <= set(names)
    assert all(name.startswith((server.url, "data:")) for name in names)


def test_the_end_is_told_and_can_be_gone_back_from(page: webdriver.Chrome, place: Path, server: LabelProcess) -> None:
    left = IMAGES - len(kept(place))
    for _ in range(left - 2):  # one was skipped before
        go(page, "0", Keys.ENTER)
    press(page, "0", Keys.ENTER)
    assert shown(page, "done").text.startswith("That was the last image.\n1 image of 24 without a label.")
    assert f"python train.py --data {place / 'labels.csv'}" in words(page, "done")
    assert not page.find_element(By.ID, "work").is_displayed()
    press(page, Keys.ENTER)
    last = words(page, "name")
    press(page, Keys.ESCAPE)
    shown(page, "work")
    assert last == ""
    assert value(page) == "0"
    # While the server is away, what was typed stays.
    press(page, "XX")
    server.stop()
    press(page, Keys.ENTER)
    assert shown(page, "error").text.startswith("The server does not answer.")
    assert value(page) == "XX"
    page.get_log("browser")
