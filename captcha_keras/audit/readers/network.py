"""Trained networks of this project as readers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from captcha_keras.audit.readers.reader import Lengths
from captcha_keras.dataset.images import fit_to
from captcha_keras.recognizer.decoding import predictions_from
from captcha_keras.recognizer.limits import limit_mask, limit_probabilities
from captcha_keras.recognizer.locate import MODEL_FOR_ANY_LOOK
from captcha_keras.recognizer.recognizer import Recognizer


class NetworkReader:
    """Reads with a recognizer.

    Args:
        name: What a report calls it.
        recognizer: What reads.

    Example:
        >>> from captcha_keras.spec import CaptchaSpec
        >>> recognizer = Recognizer(lambda images: {"char_0": np.array([[0.7, 0.3]])}, CaptchaSpec("AB", 1, 1, 40, 20))
        >>> reader, images = NetworkReader("mine", recognizer), [np.zeros((30, 30, 3), np.uint8)]
        >>> reader.read(images, None, None), reader.read(images, "B", (1, 1))
        (['A'], ['B'])
    """

    def __init__(self, name: str, recognizer: Recognizer) -> None:
        self.name = name
        self._recognizer = recognizer
        self._images: Sequence[NDArray[np.uint8]] = ()
        self._latest = np.empty(0, np.float32)

    def read(self, images: Sequence[NDArray[np.uint8]], alphabet: str | None, length: Lengths | None) -> list[str]:
        """See `Reader`; characters of the alphabet that the network does not know are left out.

        Raises:
            InputError: It knows none of them, or no text of such a length.
        """
        spec = self._recognizer.spec
        known = None if alphabet is None else "".join(each for each in alphabet if each in spec.alphabet)
        mask = limit_mask(spec, known or alphabet, length)
        if images is not self._images:
            fitted = [fit_to(image, spec) for image in images]
            self._latest = self._recognizer.probabilities(np.stack(fitted))
            self._images = images
        return [found.text for found in predictions_from(limit_probabilities(self._latest, mask), spec)]


def any_look() -> NetworkReader:
    """The network that comes with this package and was trained on random looks.

    Example:
        >>> any_look().name
        'any'
    """
    from captcha_keras.training.devices import select_device

    # A GPU is for the trainings, in another process than this.
    select_device(False)
    return NetworkReader(MODEL_FOR_ANY_LOOK, Recognizer.from_pretrained(MODEL_FOR_ANY_LOOK))
