"""The page's requests over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import InputError
from captcha_keras.serving.labelling.limits import Limits
from captcha_keras.serving.labelling.session import Session
from captcha_keras.serving.labelling.suggestions import Source
from tests.lively import FILES
from tests.serving.labelling.conftest import ADDRESS, client_of, open_session


def label(client: TestClient, image: str, text: str) -> Any:
    answer = client.post("/label", json={"image": image, "text": text})
    assert answer.status_code == 200, answer.text
    return answer.json()


def suggested(client: TestClient, image: str) -> str:
    """The suggestion for an image, as soon as it is there."""
    for _ in range(600):
        found = client.get("/status", params={"image": image}).json()["suggestion"]
        if found:
            return str(found["text"])
        time.sleep(0.1)
    raise AssertionError("no suggestion")


def test_images_come_in_the_order_of_their_names_and_labels_are_kept(client: TestClient, folder: Path) -> None:
    answer = client.get("/next").json()
    for index in range(8):
        assert answer["image"] == f"{index}.jpg"
        assert answer["text"] is None
        assert answer["progress"]["labels"] == index
        assert client.get(f"/images/{index}.jpg").content == FILES[index]
        answer = label(client, answer["image"], f" T{index} ")
        assert open_dataset(folder).texts == [f"T{each}" for each in range(index + 1)]
    assert answer["image"] is None
    assert answer["previous"] == "7.jpg"


def test_the_same_command_goes_on_with_the_first_image_without_a_label(
    folder: Path, lively: Source, tmp_path: Path
) -> None:
    output = tmp_path / "elsewhere.csv"
    for image in ("0.jpg", "2.jpg"):
        session = open_session(folder, lively, output=output)
        label(client_of(session), image, "AB")
        client_of(session).post("/skip", json={"image": "1.jpg"})
        session.close()
    session = open_session(folder, lively, output=output)
    answer = client_of(session).get("/next").json()
    assert answer["image"] == "1.jpg"
    assert answer["progress"]["labels"] == 2
    assert answer["progress"]["session"] == 0
    assert output.read_text() == "image_path,text\nimages/0.jpg,AB\nimages/2.jpg,AB\n"
    session.close()


def test_a_label_is_mended_and_a_skipped_image_is_passed_over(client: TestClient, folder: Path) -> None:
    label(client, "0.jpg", "AB")
    assert client.post("/skip", json={"image": "1.jpg"}).json()["image"] == "2.jpg"
    label(client, "2.jpg", "CD")
    back = client.get("/view", params={"image": "0.jpg"}).json()
    assert (back["text"], back["previous"]) == ("AB", None)
    assert label(client, "0.jpg", "AX")["image"] == "3.jpg"
    # A label stays if its image is passed over.
    answer = client.post("/skip", json={"image": "2.jpg"}).json()
    assert answer["image"] == "3.jpg"
    assert answer["progress"]["skipped"] == 1
    assert (folder / "labels.csv").read_text() == "image_path,text\n0.jpg,AX\n2.jpg,CD\n"


def test_how_many_suggestions_were_right_as_they_stood(client: TestClient) -> None:
    client.get("/next")
    first = suggested(client, "0.jpg")
    label(client, "0.jpg", first or "X")
    client.get("/view", params={"image": "1.jpg"})
    second = suggested(client, "1.jpg")
    answer = label(client, "1.jpg", second + "Q")
    right = int(first != "")
    assert answer["progress"]["networks"] == [{"name": "lively", "right": right, "given": 2}]
    # A label that is mended counts as what it is now, once.
    answer = label(client, "1.jpg", second or "Q")
    assert answer["progress"]["networks"] == [{"name": "lively", "right": right + (second != ""), "given": 2}]
    assert answer["progress"]["session"] == 2


def test_two_tabs_label_each_image_once(session: Session, folder: Path) -> None:
    one, other = client_of(session), client_of(session)
    assert one.get("/next").json()["image"] == other.get("/next").json()["image"] == "0.jpg"
    assert label(one, "0.jpg", "ONE")["image"] == "1.jpg"
    # The other tab's label of the same image replaces it; both go on with what is left.
    assert label(other, "0.jpg", "OTHER")["image"] == "1.jpg"
    assert label(other, "1.jpg", "B")["image"] == "2.jpg"
    assert one.get("/status", params={"image": "1.jpg"}).json()["progress"]["labels"] == 2
    assert (folder / "labels.csv").read_text() == "image_path,text\n0.jpg,OTHER\n1.jpg,B\n"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example:8502"},
        {"Host": "127.0.0.1.example.org:8502"},
        {"Host": ""},
        {"Host": "[::1]:8502"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:8502"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://localhost:8502"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/next", "/images/0.jpg", "/label"])
def test_other_sites_are_refused(client: TestClient, folder: Path, headers: dict[str, str], path: str) -> None:
    method = "POST" if path == "/label" else "GET"
    answer = client.request(method, path, headers=headers, json={"image": "0.jpg", "text": "EVIL"})
    assert answer.status_code == 403
    assert FILES[0] not in answer.content
    assert not (folder / "labels.csv").exists()


def test_the_page_itself_is_let_in_under_both_names_of_the_machine(session: Session) -> None:
    for origin in (ADDRESS, "http://localhost:8502"):
        client = client_of(session)
        answer = client.get("/next", headers={"Host": origin.removeprefix("http://"), "Origin": origin})
        assert answer.status_code == 200
        policy = client.get("/").headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "access-control-allow-origin" not in answer.headers


def test_no_file_but_the_images_of_the_folder_is_served(folder: Path, lively: Source, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(FILES[0])
    (folder / "link.png").symlink_to(secret)
    (folder / "notes.txt").write_text("mine")
    (folder / "deep").mkdir()
    (folder / "deep" / "0.png").write_bytes(FILES[0])
    (folder / "folder.png").mkdir()
    session = open_session(folder, lively)
    client = client_of(session)
    label(client, "0.jpg", "AB")
    wrong = ["../secret.png", "%2e%2e/secret.png", "..\\secret.png", str(secret), "link.png", "0.jpg/../../secret.png"]
    wrong += ["notes.txt", "labels.csv", "deep/0.png", "folder.png", "deep", "", "0.jpg\0", "0.JPG"]
    for name in wrong:
        assert client.get(f"/images/{quote(name, safe='')}").status_code == 404, name
        for answer in (
            client.get("/view", params={"image": name}),
            client.post("/label", json={"image": name, "text": "AB"}),
            client.post("/skip", json={"image": name}),
        ):
            assert answer.status_code == 404, name
            assert answer.json()["error"] == f"The folder has no image {name!r}."
    assert (folder / "labels.csv").read_text() == "image_path,text\n0.jpg,AB\n"
    assert client.get("/next").json()["progress"]["images"] == 8
    session.close()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"label"', b"{}", b"\xff", b"[" * 10_000),
        *(b'{"image": "0.jpg"}', b'{"image": "0.jpg", "text": 1}', b'{"image": null, "text": "A"}'),
        b'{"image": ["0.jpg"], "text": "A"}',
    ],
)
def test_a_bad_body_is_one_sentence(client: TestClient, folder: Path, body: bytes) -> None:
    answer = client.post("/label", content=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": "The body must be a JSON object with the texts image and text."}
    assert not (folder / "labels.csv").exists()


def test_a_long_body_is_refused(client: TestClient) -> None:
    assert client.post("/label", content=b" " * 20_000).status_code == 413


@given(st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_kept_as_it_is_or_refused(client: TestClient, folder: Path, text: str) -> None:
    before = len((folder / "labels.csv").read_bytes()) if (folder / "labels.csv").exists() else None
    answer = client.post("/label", json={"image": "3.jpg", "text": text})
    if answer.status_code == 200:
        kept = client.get("/view", params={"image": "3.jpg"}).json()["text"]
        assert open_dataset(folder / "labels.csv").texts == [kept]
    else:
        assert answer.status_code == 400
        assert answer.json()["error"].endswith(".")
        assert before == (len((folder / "labels.csv").read_bytes()) if before is not None else None)


@pytest.fixture
def limited(folder: Path, lively: Source) -> Iterator[TestClient]:
    session = open_session(folder, lively, Limits("0X", (2, 3)))
    yield client_of(session)
    session.close()


def test_entries_and_suggestions_are_within_the_limits(limited: TestClient, folder: Path) -> None:
    for text, message in (
        ("0é", "'0é' has 'é' outside the alphabet '0X'."),
        ("0", "'0' has 1 characters, expected 2-3."),
        ("", "A label has at least one character."),
    ):
        answer = limited.post("/label", json={"image": "0.jpg", "text": text})
        assert (answer.status_code, answer.json()) == (400, {"error": message})
    assert not (folder / "labels.csv").exists()
    for index in range(8):
        limited.get("/view", params={"image": f"{index}.jpg"})
        text = suggested(limited, f"{index}.jpg")
        assert set(text) <= set("0X")
        assert len(text) in (2, 3)


def test_files_that_are_no_images_are_left_out_and_named(folder: Path, lively: Source) -> None:
    (folder / "0.jpg").write_bytes(b"x")
    (folder / "3.jpg").write_bytes(FILES[3][:200])
    (folder / "new\nline.png").write_bytes(FILES[0])
    session = open_session(folder, lively)
    client = client_of(session)
    answer = client.get("/next").json()
    assert answer["image"] == "1.jpg"
    assert answer["progress"]["broken"] == ["0.jpg is no complete PNG or JPEG image."]
    answer = label(client, "1.jpg", "A")
    answer = label(client, answer["image"], "A")
    assert answer["image"] == "4.jpg"
    assert len(answer["progress"]["broken"]) == 2
    session.close()


def test_a_file_that_vanished_and_a_label_file_that_was_broken_are_one_sentence(
    client: TestClient, folder: Path
) -> None:
    (folder / "1.jpg").unlink()
    answer = client.get("/images/1.jpg")
    assert answer.status_code == 500
    assert answer.json()["error"].endswith("1.jpg: No such file or directory.")
    (folder / "labels.csv").write_text("image_path,text\n0.jpg\n")
    answer = client.post("/label", json={"image": "0.jpg", "text": "A"})
    assert answer.status_code == 400
    assert answer.json()["error"].endswith("labels.csv line 2 is no image path with a text.")
    assert (folder / "labels.csv").read_text() == "image_path,text\n0.jpg\n"


def test_a_folder_without_images_is_refused(tmp_path: Path, lively: Source) -> None:
    with pytest.raises(InputError, match="has no images; expected PNG or JPEG files"):
        open_session(tmp_path, lively)
