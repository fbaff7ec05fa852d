"""TFRecord files: written and read without TensorFlow, and held against it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import data_gen
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.dataset.tfrecord import RecordError, decode_example, encode_example, frame, spans
from captcha_keras.errors import DatasetError
from captcha_keras.spec import CaptchaSpec

FEATURES = st.dictionaries(
    st.text(max_size=20), st.one_of(st.binary(max_size=300), st.integers(-(2**63), 2**63 - 1)), max_size=6
)


@given(FEATURES)
def test_an_example_is_read_as_it_was_written_and_as_tensorflow_reads_it(features: dict[str, bytes | int]) -> None:
    message = encode_example(features)
    assert decode_example(message) == features
    theirs = tf.train.Example.FromString(message).features.feature
    assert set(theirs) == set(features)
    for name, value in features.items():
        values = theirs[name].bytes_list.value if isinstance(value, bytes) else theirs[name].int64_list.value
        assert list(values) == [value]


@given(FEATURES)
def test_an_example_of_tensorflow_is_read(features: dict[str, bytes | int]) -> None:
    message = tf.train.Example()
    for name, value in features.items():
        feature = message.features.feature[name]
        (feature.bytes_list if isinstance(value, bytes) else feature.int64_list).value.append(value)
    message.features.feature["a float, which is left out"].float_list.value.append(0.5)
    assert decode_example(message.SerializeToString()) == features


@given(
    st.one_of(
        st.binary(max_size=80),
        FEATURES.map(encode_example).flatmap(lambda whole: st.integers(0, len(whole)).map(lambda end: whole[:end])),
    )
)
def test_any_bytes_are_an_example_or_a_record_error(message: bytes) -> None:
    with suppress(RecordError):
        assert isinstance(decode_example(message), dict)


@given(st.lists(st.binary(max_size=200), max_size=5), st.data())
def test_records_are_found_by_us_and_by_tensorflow_and_cut_files_are_noticed(
    tmp_path_factory: pytest.TempPathFactory, messages: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.tfrecord"
    content = b"".join(map(frame, messages))
    path.write_bytes(content)
    assert [content[start : start + length] for start, length in spans(path)] == messages
    assert [item.numpy() for item in tf.data.TFRecordDataset(str(path))] == messages
    cut = data.draw(st.integers(0, max(0, len(content) - 1)))
    path.write_bytes(content[:cut])
    ends = [sum(map(len, map(frame, messages[:count]))) for count in range(len(messages) + 1)]
    if cut in ends:
        assert len(spans(path)) == ends.index(cut)
    else:
        with pytest.raises(RecordError, match="it ends within record"):
            spans(path)


@pytest.fixture(scope="module")
def spec() -> CaptchaSpec:
    return CaptchaSpec("01", 2, 2, 40, 20)


@pytest.fixture
def records(tmp_path: Path, spec: CaptchaSpec, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of 70 images in files of 32."""
    monkeypatch.setattr("captcha_keras.dataset.drawn.IMAGES_PER_RECORD_FILE", 32)

    def engine(job: data_gen.engines.Job, pieces: object) -> object:
        for piece in pieces:
            yield data_gen.engines.draw_pieces(job, [piece])

    data_gen.generate_dataset(
        data_gen.Settings(data_gen.Series(spec), 70, storage="tfrecord"), tmp_path / "records", engine=engine
    )
    return tmp_path / "records"


def test_the_images_are_those_of_a_folder_of_files(records: Path, spec: CaptchaSpec, tmp_path: Path) -> None:
    data_gen.generate_dataset(
        data_gen.Settings(data_gen.Series(spec), 70), tmp_path / "files", engine=data_gen.processes(1)
    )
    ours, theirs = open_dataset(records), open_dataset(tmp_path / "files")
    assert [record.name for record in ours.records] == [record.name for record in theirs.records]
    our_data, their_data = ours.images(spec), theirs.images(spec)
    np.testing.assert_array_equal(our_data.images, their_data.images)
    np.testing.assert_array_equal(our_data.labels, their_data.labels)


def test_tensorflow_reads_the_standard_keys(records: Path, spec: CaptchaSpec) -> None:
    files = sorted(str(path) for path in (records / "records").iterdir())
    assert [Path(file).name for file in files] == [f"images-0000{k}-of-00003.tfrecord" for k in range(3)]
    keys = {
        **{f"image/{name}": tf.io.FixedLenFeature([], tf.string) for name in ("encoded", "format", "text", "filename")},
        **{f"image/{name}": tf.io.FixedLenFeature([], tf.int64) for name in ("height", "width", "channels")},
    }
    found = [tf.io.parse_single_example(item, keys) for item in tf.data.TFRecordDataset(files)]
    assert len(found) == 70
    assert [item["image/text"].numpy().decode() for item in found] == open_dataset(records).texts
    image = tf.io.decode_jpeg(found[69]["image/encoded"])
    assert image.shape == (20, 40, 3) == (found[69]["image/height"], found[69]["image/width"], 3)
    assert found[69]["image/format"] == b"jpeg"
    assert found[69]["image/filename"] == b"00069.jpg"


def test_damaged_files_are_counted_and_named(records: Path, spec: CaptchaSpec) -> None:
    first, second, third = sorted((records / "records").iterdir())
    first.write_bytes(first.read_bytes()[:-1])
    second.unlink()
    content = bytearray(third.read_bytes())
    start = spans(third)[2][0]
    content[start : start + 40] = b"\xff" * 40
    third.write_bytes(content)
    labels = (records / "labels.txt").read_text().splitlines()
    labels[64] = labels[64][::-1] if labels[64] != labels[64][::-1] else "01"
    (records / "labels.txt").write_text("\n".join(labels) + "\n")
    with pytest.raises(DatasetError) as caught:
        open_dataset(records).images(spec)
    message = str(caught.value)
    assert "has 4 bad entries" in message
    assert "records/images-00000-of-00003.tfrecord cannot be read: it ends within record 31" in message
    assert "records/images-00001-of-00003.tfrecord cannot be read: it is missing" in message
    assert "00064.jpg in records/images-00002-of-00003.tfrecord has the text" in message
    assert "00066.jpg in records/images-00002-of-00003.tfrecord cannot be read: it is no tf.train.Example" in message
