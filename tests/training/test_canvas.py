"""Training on images of any size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from captcha_keras.dataset.images import fit
from captcha_keras.dataset.load import in_memory
from captcha_keras.errors import DatasetError, InputError
from captcha_keras.evaluation.images import images_to_evaluate
from captcha_keras.networks.registry import NETWORKS, build_network
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.canvas import fitted_spec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.fresh_images import FreshImages
from captcha_keras.training.job import check_job
from captcha_keras.training.prior import LogPrior
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.trainer import train
from data_gen import ImageStream, LookSettings, Series, Settings, generate_dataset, processes
from data_gen.looks.settings import ANY_SPEC

VGG = NETWORKS["vgg"]
ANY = CaptchaSpec("ABC", 1, 5, 200, 64, keep_aspect=True)


def folder_of(path: Path, count: int, *sizes: tuple[int, int]) -> Path:
    """A folder of images that are named by their text, in each of the sizes in turn."""
    path.mkdir()
    source = Series(CaptchaSpec("0X", 2, 2, 80, 40), 5).source()
    for index in range(count):
        text, image = source.image(index)
        image.resize(sizes[index % len(sizes)]).save(path / f"{1000 * sizes[0][0] + index}-{text}.png")
    return path


def short(data: Path, **more: object) -> TrainConfig:
    return TrainConfig(str(data), epochs=1, steps_per_epoch=1, batch_size=4, augmentation=None, **more)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((170, 80), (170, 80, False)),
        ((340, 80), (340, 80, False)),
        ((200, 160), (200, 160, False)),
        ((200, 161), (140, 113, True)),
        ((640, 360), (168, 94, True)),
        ((4096, 4096), (126, 126, True)),
        # 15 pixels are the least that the network takes.
        ((4096, 20), (1810, 15, True)),
    ],
)
def test_large_images_are_shrunk(size: tuple[int, int], expected: tuple[int, int, bool]) -> None:
    found = fitted_spec(CaptchaSpec("AB", 2, 2, *size), VGG)
    assert (found.width, found.height, found.keep_aspect) == expected


@given(st.integers(1, 4096), st.integers(1, 4096))
def test_a_shrunk_image_keeps_its_proportions_and_suits_the_network(width: int, height: int) -> None:
    spec = CaptchaSpec("AB", 2, 2, width, height)
    found = fitted_spec(spec, VGG)
    if width * height <= 32_000:
        assert found == spec
    else:
        short = min(found.width, found.height)
        assert found.width * found.height <= 16_000 or short == min(VGG.smallest_side, min(width, height))
        assert short > VGG.smallest_side or short == min(VGG.smallest_side, min(width, height))
        if short > VGG.smallest_side:
            assert found.width / found.height == pytest.approx(width / height, rel=1 / short + 1 / found.width)


def test_the_canvas_is_asked_for_or_that_of_the_weights() -> None:
    own, stretched = CaptchaSpec("AB", 2, 2, 90, 30), replace(ANY, keep_aspect=False)
    fitted = replace(own, width=200, height=64, keep_aspect=True)
    assert fitted_spec(own, VGG, (200, 64)) == fitted
    assert fitted_spec(own, VGG, None, ANY) == fitted
    assert fitted_spec(own, VGG, (100, 50), ANY) == replace(own, width=100, height=50, keep_aspect=True)
    assert fitted_spec(own, VGG, None, stretched) == own
    # A network that cuts images into characters takes them as they are, unless it is told otherwise.
    large = replace(own, width=640, height=360)
    for name in ("segmented_mlp", "segmented_lenet", "emnist_cnn"):
        assert fitted_spec(large, NETWORKS[name], None, ANY) == large
        assert fitted_spec(large, NETWORKS[name], (200, 64)).width == 200
    with pytest.raises(InputError, match="width must be 1 to 4096 pixels, got 0"):
        fitted_spec(own, VGG, (0, 64))


def test_a_folder_of_large_images_is_trained_at_the_size_of_a_small_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large, small = folder_of(tmp_path / "large", 20, (640, 360)), folder_of(tmp_path / "small", 20, (168, 94))
    made: list[tuple[int, ...]] = []

    def allocate(shape: tuple[int, ...]) -> np.ndarray:
        made.append(shape)
        return np.empty(shape, np.uint8)

    jobs = [check_job(short(folder), RunFolder(tmp_path / "run")) for folder in (large, small)]
    batches = [job.learned.load(allocate)[0].images for job in jobs]
    # The memory is that of the small size, and a step has the same shape.
    assert made == [(20, 94, 168, 3)] * 2
    assert batches[0].shape == batches[1].shape
    assert [build_network("vgg", job.captchas.spec).input_shape for job in jobs] == [(None, 94, 168, 3)] * 2

    run = train(short(large), tmp_path / "run")
    assert "Images are fitted into 168x94 pixels, the first has 640x360; --size sets another size.\n" in (
        capsys.readouterr().out
    )
    assert run.read_spec() == CaptchaSpec("0X", 2, 2, 168, 94, keep_aspect=True)
    # What was trained is evaluated on its test images, on images of another size, and reads single files.
    data = images_to_evaluate(run)
    assert data.images.shape == (2, 94, 168, 3)
    assert images_to_evaluate(run, folder=small).images.shape == (20, 94, 168, 3)
    file = next(iter(large.glob("*.png")))
    recognizer = Recognizer.load(run.path)
    fitted = fit(np.asarray(Image.open(file)), 168, 94, keep_aspect=True)[np.newaxis]
    assert recognizer.read(file).confidence == pytest.approx(
        float(recognizer.probabilities(fitted).max(axis=-1).prod()), rel=1e-5
    )


def test_a_folder_of_two_sizes_is_trained_if_a_size_is_given(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "two", 20, (60, 30), (90, 40))
    run = RunFolder(tmp_path / "run")
    with pytest.raises(DatasetError, match="has 10 bad entries") as caught:
        train(short(folder), run)
    assert "is 90x40, expected 60x30" in str(caught.value)
    assert not run.path.exists()
    train(short(folder, size=(64, 32)), run)
    assert run.read_spec() == CaptchaSpec("0X", 2, 2, 64, 32, keep_aspect=True)
    assert images_to_evaluate(run, part="all").images.shape == (20, 32, 64, 3)
    # A run that starts from its weights sees characters of the size that these know.
    other = folder_of(tmp_path / "other", 20, (50, 40), (80, 40))
    job = check_job(short(other, initial_model=str(run.path)), RunFolder(tmp_path / "second"))
    assert job.learned.load(in_memory)[0].images.shape == (16, 32, 64, 3)
    assert job.captchas.spec == run.read_spec()


def test_new_images_are_fitted_into_the_canvas(tmp_path: Path) -> None:
    series, canvas = Series(CaptchaSpec("01", 2, 2, 80, 40)), CaptchaSpec("01", 2, 2, 64, 24, keep_aspect=True)
    with FreshImages(series, steps=1, batch_size=3, prior=LogPrior(canvas)) as fresh:
        images, _ = next(fresh.batches())
    source = series.source()
    for index in range(3):
        drawn = np.asarray(source.image(index)[1])
        np.testing.assert_array_equal(images[index], fit(drawn, 64, 24, keep_aspect=True))

    # Images of random looks are fitted once, from the size that each was drawn in.
    spec = replace(ANY_SPEC, alphabet="01", min_length=2, max_length=2)
    looks = Series(spec, style=LookSettings())
    data = tmp_path / "looks"
    generate_dataset(Settings(looks, 20), data, engine=processes(1))
    job = check_job(TrainConfig(str(data), size=(64, 24), fresh_images=True), RunFolder(tmp_path / "run"))
    with ImageStream(workers=1) as stream:
        (images, _), *_ = stream.batches(job.series, 0, 3, 1, job.captchas.spec)
    source = job.series.source()
    for index in range(3):
        drawn = np.asarray(source.image(index)[1])
        np.testing.assert_array_equal(images[index], fit(drawn, 64, 24, keep_aspect=True))


def test_a_run_on_new_images_with_a_canvas_trains(drawn: Path, tmp_path: Path) -> None:
    run = train(short(drawn, fresh_images=True, size=(50, 32)), tmp_path / "run")
    assert run.finished
    data = images_to_evaluate(run, fresh=3)
    assert data.images.shape == (3, 32, 50, 3)
