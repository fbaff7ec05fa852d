"""What a network reads in one image; imports no other module, for the clients of a server use it too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prediction:
    """What a network reads in one image.

    Attributes:
        text: The text.
        confidence: Product of the heads' greatest probabilities, 0 to 1.
        char_confidence: The greatest probability of each head, shape `(L,)`.

    Example:
        >>> import numpy as np
        >>> from captcha_keras.recognizer.decoding import predictions_from
        >>> from captcha_keras.spec import CaptchaSpec
        >>> predictions_from(np.array([[[0.5, 0.25, 0.25], [0.0, 0.5, 0.5]]]), CaptchaSpec("ABC", 2, 2))
        [Prediction(text='AB', confidence=0.25, char_confidence=(0.5, 0.5))]
    """

    text: str
    confidence: float
    char_confidence: tuple[float, ...]
