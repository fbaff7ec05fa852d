"""The state of labelling: which image comes next, what is suggested, and how good the suggestions are."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from captcha_keras.dataset.images import ImageError, read_image
from captcha_keras.dataset.label_file import LabelFile, fits_label_file
from captcha_keras.dataset.layouts import image_files
from captcha_keras.errors import InputError
from captcha_keras.serving.labelling.limits import Limits
from captcha_keras.serving.labelling.suggestions import Source, Suggestion, Suggestions
from captcha_keras.serving.labelling.trainings import Trainings
from captcha_keras.training.run_folder import RunFolder

# Images that are read ahead of the one on the page.
AHEAD = 48


class Session:
    """Labelling of one folder, by one or more pages at the same time.

    Args:
        folder: The folder of the images.
        labels: The file of their labels.
        limits: What a label may be.
        suggestions: What a network reads.
        trainings: Makes better networks.

    Raises:
        InputError: The folder has no images.

    Example:
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> from data_gen import Series
        >>> Path("images").mkdir()
        >>> for index in range(3):
        ...     size = Path(f"images/{index}.jpg").write_bytes(Series(seed=2).source().draw(index).content)
        >>> limits = Limits()
        >>> suggestions = Suggestions(Source.find(pretrained_path("captcha")), limits)
        >>> labels = LabelFile(Path("images/labels.csv"))
        >>> session = Session(Path("images"), labels, limits, suggestions, Trainings(labels.path, Path("runs"), 50))
        >>> session.next()["image"]
        '0.jpg'
        >>> session.label("0.jpg", "AB12")
        >>> session.skip("1.jpg")
        >>> session.next()["image"], session.view("0.jpg")["text"]
        ('2.jpg', 'AB12')
        >>> session.close()
    """

    def __init__(
        self, folder: Path, labels: LabelFile, limits: Limits, suggestions: Suggestions, trainings: Trainings
    ) -> None:
        # A link could lead out of the folder.
        files = [path for path in image_files(folder.resolve()) if path.is_file() and not path.is_symlink()]
        self._images = {path.name: path for path in files if fits_label_file(path.name)}
        if not self._images:
            raise InputError(f"{folder} has no images; expected PNG or JPEG files.")
        self._file, self._limits, self._suggestions, self._trainings = labels, limits, suggestions, trainings
        self._lock = threading.RLock()
        self._labels = labels.read()
        self._skipped: set[str] = set()
        # Why an image cannot be read, by its name.
        self._broken: dict[str, str] = {}
        # What was suggested when an image was shown last, and when it got its label.
        self._shown: dict[str, Suggestion | None] = {}
        self._judged: dict[str, Suggestion | None] = {}
        self._read_ahead()
        self._consider_training()

    def next(self) -> dict[str, Any]:
        """What a page shows of the first image that has no label and was not skipped; see `view`."""
        with self._lock:
            for name in self._open():
                try:
                    read_image(self._images[name])
                except ImageError as error:
                    self._broken[name] = f"{name} {error}."
                else:
                    return self.view(name)
            last = next(reversed(self._images))
            return {"image": None, "text": None, "previous": last, "suggestion": None, "progress": self._progress()}

    def view(self, name: str) -> dict[str, Any]:
        """What a page shows of an image: its name, its label, the image before it, a suggestion, and the progress.

        Raises:
            KeyError: There is no such image.
        """
        with self._lock:
            image = self._images[name]
            self._read_ahead(image)
            suggestion = self._shown[name] = self._suggestions.get(image)
            names = list(self._images)
            place = names.index(name)
            return {
                "image": name,
                "text": self._labels.get(image),
                "previous": names[place - 1] if place else None,
                "suggestion": _shown(suggestion),
                "progress": self._progress(),
            }

    def status(self, name: str | None = None) -> dict[str, Any]:
        """The progress, and the suggestion for an image that had none when it was shown.

        Raises:
            KeyError: There is no such image.
        """
        with self._lock:
            suggestion = None
            if name is not None:
                suggestion = self._shown.get(name) or self._suggestions.get(self._images[name])
                self._shown[name] = suggestion
            return {"image": name, "suggestion": _shown(suggestion), "progress": self._progress()}

    def label(self, name: str, entry: str) -> None:
        """Keep the label of an image; of two the last counts.

        Raises:
            KeyError: There is no such image.
            InputError: The entry is no label.
            OSError: It cannot be written.
        """
        with self._lock:
            image = self._images[name]
            first = image not in self._labels
            self._labels = self._file.write(image, self._limits.check(entry))
            self._skipped.discard(name)
            if first:
                self._judged[name] = self._shown.get(name)
            self._consider_training()

    def skip(self, name: str) -> None:
        """Pass over an image until labelling is started anew; a label that it has stays.

        Raises:
            KeyError: There is no such image.
        """
        with self._lock:
            if self._images[name] not in self._labels:
                self._skipped.add(name)

    def content(self, name: str) -> bytes:
        """The bytes of an image file.

        Raises:
            KeyError: There is no such image.
            OSError: It cannot be read.
        """
        return self._images[name].read_bytes()

    def close(self) -> None:
        """End what runs in the background."""
        self._trainings.close()
        self._suggestions.close()

    def labelled(self) -> int:
        """The number of images of the folder that have a label."""
        return sum(path in self._labels for path in self._images.values())

    def _open(self) -> Iterator[str]:
        """The names of the images that are still to be labelled, in order."""
        done = self._skipped | self._broken.keys()
        return (name for name, path in self._images.items() if path not in self._labels and name not in done)

    def _read_ahead(self, *first: Path) -> None:
        self._suggestions.want([*first, *(self._images[name] for name in islice(self._open(), AHEAD))])

    def _progress(self) -> dict[str, Any]:
        given, right = Counter[Source](), Counter[Source]()
        for name, suggestion in self._judged.items():
            if suggestion is not None:
                given[suggestion.source] += 1
                right[suggestion.source] += suggestion.prediction.text == self._labels.get(self._images[name])
        current = self._suggestions.source
        return {
            "labels": self.labelled(),
            "images": len(self._images),
            "session": len(self._judged),
            "skipped": len(self._skipped),
            "broken": list(self._broken.values()),
            "networks": [
                {"name": source.name, "right": right[source], "given": given[source]}
                for source in dict.fromkeys([*given, current])
            ],
            "problem": self._suggestions.problem,
            "training": self._trainings.status(len(self._labels)),
            "file": str(self._file.path),
        }

    def _consider_training(self) -> None:
        self._trainings.consider(len(self._labels), self._suggestions.source.model, self._trained)

    def _trained(self, run: RunFolder) -> None:
        """Take the new network for the suggestions."""
        self._suggestions.use(Source.trained(run))


def _shown(suggestion: Suggestion | None) -> dict[str, Any] | None:
    if suggestion is None:
        return None
    return {
        "text": suggestion.prediction.text,
        "confidence": suggestion.prediction.confidence,
        "network": suggestion.source.name,
    }
