"""The people's side: characters that readers mix up too, faint text, and what standards bodies recommend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captcha_keras.spec import CaptchaSpec

# Groups that look alike in most fonts, and more so when rotated and warped.
GROUPS = ("0Oo", "1Il|i!", "5Ss", "2Zz", "8B", "6G", "Cc", "Kk", "Pp", "Uu", "Vv", "Ww", "Xx", "Yy")
# WCAG 2.2, success criterion 1.4.3: the least contrast ratio of large text.
MIN_CONTRAST = 3.0


@dataclass(frozen=True)
class Source:
    """A publication about text CAPTCHAs.

    Attributes:
        title: Author and title.
        url: Where it is.
        says: What it says about text CAPTCHAs, in our words.

    Example:
        >>> SOURCES[0].url
        'https://www.w3.org/TR/turingtest/'
    """

    title: str
    url: str
    says: str


SOURCES = (
    Source(
        "W3C, Inaccessibility of CAPTCHA (Group Draft Note, 16 December 2021)",
        "https://www.w3.org/TR/turingtest/",
        "Text CAPTCHAs shut out many people with disabilities, and many of them no longer keep robots out; prefer "
        "checks that ask nothing of the user.",
    ),
    Source(
        "W3C, Web Content Accessibility Guidelines 2.2, success criterion 3.3.8 (Accessible Authentication)",
        "https://www.w3.org/TR/WCAG22/#accessible-authentication-minimum",
        "Copying characters from a picture is a cognitive function test: a login that asks for it needs another way.",
    ),
    Source(
        "NIST, Digital Identity Guidelines SP 800-63B, rate limiting (throttling)",
        "https://pages.nist.gov/800-63-3/sp800-63b.html#throttle",
        "Limit consecutive failed attempts on an account (at most 100), with growing waits; a CAPTCHA is at best an "
        "addition to that.",
    ),
    Source(
        "Bursztein, Martin, Mitchell: Text-based CAPTCHA Strengths and Weaknesses (ACM CCS 2011)",
        "https://doi.org/10.1145/2046707.2046724",
        "13 of 15 widely used text CAPTCHAs fell to one program; a scheme counts as broken from 1 % of images on.",
    ),
)

STATEMENT = (
    "A text CAPTCHA holds off casual scripts only. Whoever wants to pass it trains a network as this audit did, or "
    "pays people to read it. What helps instead: limits on attempts for each account and address, growing waits, "
    "confirmation by e-mail, hidden fields and timing checks for simple spam, and sign-in with passkeys; none of them "
    "asks people to read distorted letters."
)


@dataclass(frozen=True)
class PeoplesSide:
    """What people have trouble with when they read the images.

    Attributes:
        groups: Groups of the alphabet's characters that people mix up.
        images_with: Fraction of the images that hold at least one character of such a group.
        fraction_of_errors: Fraction of the network's misread characters that stay within a group; None without errors.
        merged: Images right if the characters of a group counted as one, as a fraction.
        faint: Fraction of the images with a contrast ratio below 3 to 1.

    Example:
        >>> side = PeoplesSide(groups=("0O", "1l"), images_with=0.4, fraction_of_errors=0.5, merged=0.9, faint=0.0)
        >>> side.groups
        ('0O', '1l')
    """

    groups: tuple[str, ...]
    images_with: float
    fraction_of_errors: float | None
    merged: float
    faint: float


def peoples_side(
    predictions: NDArray[np.integer], labels: NDArray[np.integer], contrast: NDArray[np.floating], spec: CaptchaSpec
) -> PeoplesSide:
    """Compute the people's side of what a network read.

    Args:
        predictions: Predicted class ids, `(N, L)`.
        labels: True class ids, `(N, L)`.
        contrast: Contrast ratio of each image, `(N,)`.
        spec: Names the classes.

    Example:
        >>> spec = CaptchaSpec("0OX", 1, 1)
        >>> side = peoples_side(spec.encode_all("O0X"), spec.encode_all("00X"), np.array([9.0, 9.0, 2.0]), spec)
        >>> side.groups, side.fraction_of_errors, side.merged
        (('0O',), 1.0, 1.0)
    """
    groups = look_alikes(spec)
    merge = np.arange(spec.num_classes)
    for group in groups:
        merge[[spec.alphabet.index(character) for character in group]] = spec.alphabet.index(group[0])
    grouped = np.isin(np.arange(spec.num_classes), [spec.alphabet.index(character) for character in "".join(groups)])
    wrong, wrong_still = predictions != labels, merge[predictions] != merge[labels]
    errors = int(wrong.sum())
    return PeoplesSide(
        groups=groups,
        images_with=float(grouped[labels].any(axis=1).mean()),
        fraction_of_errors=1 - int(wrong_still.sum()) / errors if errors else None,
        merged=float((~wrong_still).all(axis=1).mean()),
        faint=float((contrast < MIN_CONTRAST).mean()),
    )


def look_alikes(spec: CaptchaSpec) -> tuple[str, ...]:
    """The groups of the alphabet's characters that people mix up, each of at least two.

    Example:
        >>> look_alikes(CaptchaSpec("0OcCk", 4, 4))
        ('0O', 'Cc')
    """
    present = ("".join(character for character in group if character in spec.alphabet) for group in GROUPS)
    return tuple(group for group in present if len(group) > 1)
