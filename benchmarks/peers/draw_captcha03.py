"""Draw with `captcha` 0.3 and write texts and pixels to the standard output.

Runs in an environment of its own (see captcha03.py), where nothing of this project is installed.

python draw_captcha03.py SEED FIRST COUNT STRIDE WIDTH HEIGHT
    images FIRST, FIRST + STRIDE, ... of the series SEED, COUNT of them; each as 4 ASCII characters and
    HEIGHT x WIDTH x 3 bytes of RGB. Image k depends on the seed, k and the size alone.
"""

import random
import string
import sys

from captcha.image import ImageCaptcha

ALPHABET = string.digits + string.ascii_uppercase
LENGTH = 4


def main() -> None:
    """Draw until COUNT is reached or nobody reads any more."""
    seed, numbers = sys.argv[1], [int(value) for value in sys.argv[2:]]
    first, count, stride, width, height = numbers
    captcha = ImageCaptcha(width, height)
    try:
        for index in range(first, first + count * stride, stride):
            random.seed(f"{seed}/{index}")
            text = "".join(random.choices(ALPHABET, k=LENGTH))
            sys.stdout.buffer.write(text.encode("ascii") + captcha.generate_image(text).tobytes())
    except BrokenPipeError:
        sys.stderr.close()


if __name__ == "__main__":
    main()
