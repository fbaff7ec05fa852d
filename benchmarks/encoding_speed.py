"""Time and size of an encoded image: Pillow's settings and other encoders, beside what drawing one takes.

python -m benchmarks.encoding_speed
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from benchmarks.measure import Subject, interleaved, options, report

PILLOW = {
    "PNG, level 0": ("png", {"compress_level": 0}),
    "PNG, level 1 (used)": ("png", {"compress_level": 1}),
    "PNG, level 3": ("png", {"compress_level": 3}),
    "PNG, level 6 (Pillow's)": ("png", {}),
    "PNG, level 9": ("png", {"compress_level": 9}),
    "JPEG, quality 75 (Pillow's)": ("jpeg", {}),
    "JPEG, quality 95": ("jpeg", {"quality": 95}),
    "JPEG, quality 95, 4:4:4 (used)": ("jpeg", {"quality": 95, "subsampling": 0}),
}
OTHERS = ("PNG, level 1, OpenCV", "JPEG, quality 95, 4:4:4, OpenCV", "JPEG, quality 95, 4:4:4, simplejpeg")
DRAWING = "drawing"


def subject(name: str, count: int) -> Callable[[], int]:
    """Encode drawn images, or draw them."""
    from captcha_keras.spec import CaptchaSpec
    from data_gen import Series

    source = Series(CaptchaSpec(), 0).source()
    images = [source.image(index)[1] for index in range(count)]
    encode = _encoder(name)
    if encode is not None:
        size = sum(len(encode(image)) for image in images) / count
        print(f"{name:44}{size:10,.0f} bytes an image", flush=True)

    def work() -> int:
        if encode is None:
            for index in range(count):
                source.image(index)
        else:
            for image in images:
                encode(image)
        return count

    return work


def _encoder(name: str) -> Callable[[Any], bytes] | None:
    if name in PILLOW:
        image_format, settings = PILLOW[name]

        def save(image: Any) -> bytes:
            content = io.BytesIO()
            image.save(content, image_format, **settings)
            return content.getvalue()

        return save
    if name == DRAWING:
        return None
    import cv2
    import numpy as np
    import simplejpeg

    full = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    # OpenCV wants blue first.
    encoders: dict[str, Callable[[Any], bytes]] = {
        OTHERS[0]: lambda image: cv2.imencode(".png", np.asarray(image)[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[
            1
        ].tobytes(),
        OTHERS[1]: lambda image: cv2.imencode(".jpg", np.asarray(image)[:, :, ::-1], full)[1].tobytes(),
        OTHERS[2]: lambda image: simplejpeg.encode_jpeg(np.array(image), 95, "RGB", "444"),
    }
    return encoders[name]


def main() -> None:
    """Measure and report."""
    given = options(__doc__, count=640, repeats=7)
    subjects: dict[str, Subject] = {name: (subject, (name, given.count)) for name in (DRAWING, *PILLOW, *OTHERS)}
    rates = interleaved(subjects, given.repeats)
    report("encoding_speed", rates, DRAWING, ["captcha", "pillow", "opencv-python-headless", "simplejpeg"])


if __name__ == "__main__":
    main()
