"""Draws with django-simple-captcha: python draw_django.py FOLDER COUNT SEED."""

import random
import sys
from pathlib import Path

import django  # type: ignore[import-not-found]
from django.conf import settings  # type: ignore[import-not-found]
from django.core.management import call_command  # type: ignore[import-not-found]


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(
        INSTALLED_APPS=["captcha"], DATABASES={"default": database}, DEFAULT_AUTO_FIELD="django.db.models.AutoField"
    )
    django.setup()
    call_command("migrate", verbosity=0)
    # Django's applications can be imported only once it is set up.
    from captcha.conf.settings import get_challenge
    from captcha.models import CaptchaStore
    from captcha.views import captcha_image

    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}/text")
        challenge, response = get_challenge()()
        # The key seeds the drawing, so it must not be what seeds the text.
        key = f"{seed}/{index}"
        CaptchaStore.objects.create(challenge=challenge, response=response, hashkey=key)
        folder.joinpath(f"{index:05}.png").write_bytes(captcha_image(None, key).content)
        texts.append(challenge)
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
