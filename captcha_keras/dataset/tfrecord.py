"""TFRecord files of `tf.train.Example` messages, without TensorFlow.

Framing: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details. The messages are small
enough to write and read by hand: `Example { Features { map<string, Feature> } }` in protocol buffer encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

Value = bytes | int

MASK_DELTA = 0xA282EAD8
HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")
# Field numbers, shifted by the wire type: 2 is length-delimited, 0 a varint.
FIELD_1_BYTES, FIELD_2_BYTES, FIELD_3_BYTES, FIELD_1_VARINT = 0x0A, 0x12, 0x1A, 0x08


class RecordError(ValueError):
    """Bytes that are no TFRecord file or no `tf.train.Example`.

    Example:
        >>> decode_example(b"no example")
        Traceback (most recent call last):
        captcha_keras.dataset.tfrecord.RecordError: it is no tf.train.Example
    """


def frame(message: bytes) -> bytes:
    """A message with its length and checksums, as it stands in a TFRecord file.

    Raises:
        ModuleNotFoundError: The package google-crc32c is not installed.

    Example:
        >>> frame(b"AB").hex(" ", 2)  # length, checksum, message, checksum
        '0200 0000 0000 0000 7827 0b34 4142 0066 582c'
    """
    length = struct.pack("<Q", len(message))
    return length + CHECKSUM.pack(_masked(length)) + message + CHECKSUM.pack(_masked(message))


def spans(path: Path) -> list[tuple[int, int]]:
    """Find where each message lies in a TFRecord file: (offset, length) in bytes.

    Raises:
        RecordError: The file ends inside of a record.
        OSError: It cannot be read.

    Example:
        >>> size = Path("two.tfrecord").write_bytes(frame(b"AB") + frame(b"CDE"))
        >>> spans(Path("two.tfrecord"))
        [(12, 2), (30, 3)]
    """
    found: list[tuple[int, int]] = []
    size = path.stat().st_size
    with path.open("rb") as file:
        place = 0
        while place < size:
            file.seek(place)
            header = file.read(HEADER.size)
            if len(header) < HEADER.size:
                raise RecordError(f"it ends within record {len(found)}")
            length, _ = HEADER.unpack(header)
            start = place + HEADER.size
            place = start + length + CHECKSUM.size
            if place > size:
                raise RecordError(f"it ends within record {len(found)}")
            found.append((start, length))
    return found


def encode_example(features: Mapping[str, Value]) -> bytes:
    """A serialised `tf.train.Example` with one byte string or one whole number for each name.

    Example:
        >>> import tensorflow as tf
        >>> example = tf.train.Example.FromString(encode_example({"image/width": 170}))
        >>> example.features.feature["image/width"].int64_list.value[0]
        170
    """
    entries = b"".join(_entry(name, value) for name, value in sorted(features.items()))
    return delimited(FIELD_1_BYTES, entries)


def decode_example(message: bytes) -> dict[str, Value]:
    """Byte strings and whole numbers of a serialised `tf.train.Example`; the first of each list, no floats.

    Raises:
        RecordError: The bytes are no such message.

    Example:
        >>> decode_example(encode_example({"image/text": b"AB", "image/width": 170}))
        {'image/text': b'AB', 'image/width': 170}
    """
    try:
        features = dict(_fields(message)).get(FIELD_1_BYTES, b"")
        result: dict[str, Value] = {}
        for tag, entry in _fields(_bytes(features)):
            if tag != FIELD_1_BYTES:
                continue
            parts = dict(_fields(_bytes(entry)))
            for kind, content in _fields(_bytes(parts.get(FIELD_2_BYTES, b""))):
                value = _first(kind, _bytes(content))
                if value is not None:
                    result[_bytes(parts[FIELD_1_BYTES]).decode()] = value
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise RecordError("it is no tf.train.Example") from error
    return result


def _masked(content: bytes) -> int:
    # Only those who write need it.
    import google_crc32c

    checksum = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + MASK_DELTA) & 0xFFFFFFFF


def _entry(name: str, value: Value) -> bytes:
    if isinstance(value, bytes):
        feature = delimited(FIELD_1_BYTES, delimited(FIELD_1_BYTES, value))
    else:
        feature = delimited(FIELD_3_BYTES, delimited(FIELD_1_BYTES, _varint(value)))
    return delimited(FIELD_1_BYTES, delimited(FIELD_1_BYTES, name.encode()) + delimited(FIELD_2_BYTES, feature))


def delimited(tag: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer message: bytes, a text or another message.

    Args:
        tag: The field's number times eight, plus 2; below 128.
        content: Its bytes.

    Example:
        >>> delimited(FIELD_1_BYTES, b"AB").hex(" ")  # tag, length, content
        '0a 02 41 42'
    """
    return bytes([tag]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    number &= 0xFFFFFFFFFFFFFFFF  # int64: negative numbers take ten bytes
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    result.append(number)
    return bytes(result)


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if shift > 63:
            raise RecordError("it is no tf.train.Example")
        byte = content[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, place


def _fields(content: bytes) -> Iterator[tuple[int, bytes | int]]:
    place = 0
    while place < len(content):
        tag, place = _read_varint(content, place)
        if tag & 7 == 2:
            length, place = _read_varint(content, place)
            if place + length > len(content):
                raise RecordError("it is no tf.train.Example")
            yield tag, content[place : place + length]
            place += length
        elif tag & 7 == 0:
            number, place = _read_varint(content, place)
            yield tag, number
        else:
            raise RecordError("it is no tf.train.Example")


def _first(kind: int, content: bytes) -> Value | None:
    """The first value of a BytesList (1) or an Int64List (3, packed or not)."""
    for tag, value in _fields(content):
        if kind == FIELD_1_BYTES and tag == FIELD_1_BYTES:
            return value
        if kind == FIELD_3_BYTES and tag in (FIELD_1_BYTES, FIELD_1_VARINT):
            number = _read_varint(value, 0)[0] if isinstance(value, bytes) else value
            return number - (1 << 64) if number >> 63 else number
    return None


def _bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise RecordError("it is no tf.train.Example")
    return value
