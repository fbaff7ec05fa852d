"""Against `ImageDataGenerator` itself, fed with the same distortions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from captcha_keras.errors import InputError
from captcha_keras.pipeline.augmentation import Augmentation
from captcha_keras.pipeline.distortion import affine_matrices, apply_parameters, augment, draw_parameters

ImageDataGenerator = tf.keras.preprocessing.image.ImageDataGenerator
SIDE = 48


def smooth_images(count: int, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Random but smooth: bilinear interpolation of noise would magnify rounding."""
    noise = np.random.default_rng(0).uniform(0, 255, (count, height, width, 3))
    blurred = scipy.ndimage.gaussian_filter(noise, (0, 2, 2, 0))
    low, high = blurred.min(), blurred.max()
    return ((blurred - low) / (high - low) * 255).astype(np.uint8)


def tensors(parameters: dict[str, float]) -> dict[str, tf.Tensor]:
    return {name: tf.constant([value], tf.float32) for name, value in parameters.items()}


distortions = st.fixed_dictionaries(
    {
        "theta": st.floats(-180, 180),
        "tx": st.floats(-20, 20),
        "ty": st.floats(-20, 20),
        "shear": st.floats(-60, 60),
        "zx": st.floats(0.5, 2),
        "zy": st.floats(0.5, 2),
    }
)


def keras_matrix(parameters: dict[str, float], height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The matrix (rows, columns) and offset that ImageDataGenerator hands to SciPy."""
    caught: list[tuple[np.ndarray, np.ndarray]] = []

    def catch(image: np.ndarray, matrix: np.ndarray, offset: np.ndarray, **_: Any) -> np.ndarray:
        caught.append((matrix, offset))
        return image

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scipy.ndimage, "affine_transform", catch)
        patch.setattr(scipy.ndimage.interpolation, "affine_transform", catch, raising=False)
        # An identity would be skipped altogether.
        ImageDataGenerator().apply_transform(
            np.zeros((height, width, 3)), {**parameters, "tx": parameters["tx"] or 1e-9}
        )
    return caught[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@given(distortions)
def test_matrices_equal_those_of_image_data_generator(parameters: dict[str, float]) -> None:
    matrix, offset = keras_matrix(parameters, SIDE, SIDE)
    a0, a1, a2, b0, b1, b2, c0, c1 = affine_matrices(tensors(parameters), SIDE, SIDE).numpy()[0]
    # Keras works in (row, column), the op in (x, y).
    np.testing.assert_allclose([[b1, b0], [a1, a0]], matrix, atol=1e-5)
    np.testing.assert_allclose([b2, a2], offset, atol=1e-3)
    assert (c0, c1) == (0, 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_on_other_shapes_keras_takes_the_wrong_centre_and_we_do_not() -> None:
    parameters = {"theta": 90.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0}
    height, width = 40, 100
    matrix, offset = keras_matrix(parameters, height, width)
    a0, a1, a2, b0, b1, b2, _, _ = affine_matrices(tensors(parameters), height, width).numpy()[0]
    np.testing.assert_allclose([[b1, b0], [a1, a0]], matrix, atol=1e-6)
    true_centre = np.array([19.5, 49.5])
    np.testing.assert_allclose(matrix @ true_centre[::-1] + offset, true_centre[::-1], atol=1e-6)
    np.testing.assert_allclose(np.array([[b1, b0], [a1, a0]]) @ true_centre + [b2, a2], true_centre, atol=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "wrap", "constant"])
@settings(max_examples=15)
@given(
    distortion=st.fixed_dictionaries(
        {
            "theta": st.floats(-30, 30),
            "tx": st.floats(-6, 6),
            "ty": st.floats(-6, 6),
            "shear": st.floats(-20, 20),
            "zx": st.floats(0.8, 1.2),
            "zy": st.floats(0.8, 1.2),
        }
    ),
    shift=st.floats(-40, 40),
    brightness=st.floats(0.5, 1.5),
)
# Blended with a constant, SciPy's edge loses the brightest value of the image, at which shifted channels are cut off.
@example(
    distortion={"theta": 0.5, "tx": -4.96875, "ty": 5.0, "shear": 15.0, "zx": 0.89453125, "zy": 1.125},
    shift=34.0,
    brightness=1.0,
)
def test_pixels_are_close_to_those_of_image_data_generator(
    fill_mode: str, distortion: dict[str, float], shift: float, brightness: float
) -> None:
    image = smooth_images(1)
    generator = ImageDataGenerator(fill_mode=fill_mode, cval=90.0)
    theirs = generator.apply_transform(
        image[0].astype(np.float32),
        {**distortion, "channel_shift_intensity": shift, "brightness": brightness},
    )
    ours = apply_parameters(
        Augmentation(fill_mode=fill_mode, cval=90.0),
        tf.constant(image),
        tensors({**distortion, "channel_shift": shift, "brightness": brightness}),
    ).numpy()[0]
    difference = np.abs(ours.astype(float) - theirs)
    compared = np.broadcast_to(inside(distortion)[..., np.newaxis], difference.shape)
    # Shifted channels are cut off at the image's extremes, and SciPy's edge (see below) may have others than ours.
    compared = compared & ~at_extremes(ours) & ~at_extremes(theirs)
    # PIL cuts off where we round.
    assert np.quantile(difference[compared], 0.99) <= 2.5
    # At the edge SciPy and TensorFlow blend differently, and SciPy's "wrap" repeats after n - 1 pixels, not n.
    if fill_mode != "wrap":
        assert difference.mean() < 4
    untouched = apply_parameters(Augmentation(), tf.constant(image), tensors({**IDENTITY})).numpy()[0]
    assert np.array_equal(untouched, image[0])


def at_extremes(image: np.ndarray) -> np.ndarray:
    """Which values are the image's least or greatest."""
    return (image == image.min()) | (image == image.max())


def inside(distortion: dict[str, float]) -> np.ndarray:
    """Which output pixels come from well inside of the input, by the matrix that is tested above."""
    a0, a1, a2, b0, b1, b2, _, _ = affine_matrices(tensors(distortion), SIDE, SIDE).numpy()[0]
    y, x = np.mgrid[:SIDE, :SIDE]
    sources = (a0 * x + a1 * y + a2, b0 * x + b1 * y + b2)
    return np.all([(source > 1) & (source < SIDE - 2) for source in sources], axis=0)


IDENTITY = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tx": 3.0}, lambda image: np.roll(image, -3, axis=1)),
        ({"ty": 3.0}, lambda image: np.roll(image, -3, axis=0)),
        ({"theta": 180.0}, lambda image: image[::-1, ::-1]),
    ],
)
def test_directions(change: dict[str, float], expected: Any) -> None:
    image = smooth_images(1, 40, 60)
    ours = apply_parameters(Augmentation(), tf.constant(image), tensors({**IDENTITY, **change})).numpy()[0]
    middle = (slice(4, -4), slice(4, -4))
    difference = np.abs(ours[middle].astype(int) - expected(image[0])[middle])
    assert difference.max() <= 1


def drawn(augmentation: Augmentation, count: int = 4000, height: int = 40, width: int = 100) -> dict[str, np.ndarray]:
    seed = tf.constant([1, 2], tf.int64)
    return {k: v.numpy() for k, v in draw_parameters(augmentation, seed, count, height, width).items()}


def test_draws_fill_their_ranges_and_are_independent() -> None:
    parameters = drawn(
        Augmentation(
            rotation_range=10,
            width_shift_range=0.2,
            height_shift_range=5.0,
            shear_range=3,
            zoom_range=(0.7, 1.1),
            brightness_range=(0.5, 0.9),
            channel_shift_range=20,
        )
    )
    ranges = {
        "theta": (-10, 10),
        "tx": (-20, 20),
        "ty": (-5, 5),
        "shear": (-3, 3),
        "zx": (0.7, 1.1),
        "zy": (0.7, 1.1),
        "channel_shift": (-20, 20),
        "brightness": (0.5, 0.9),
    }
    assert set(parameters) == set(ranges)
    for name, (low, high) in ranges.items():
        values = parameters[name]
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high
    correlations = np.corrcoef(np.stack(list(parameters.values())))
    assert np.abs(correlations - np.eye(len(ranges))).max() < 0.06


def test_whole_numbers_and_lists_of_shifts_mean_what_they_mean_in_keras() -> None:
    parameters = drawn(Augmentation(width_shift_range=3, height_shift_range=(0.1, 0.25)))
    assert set(parameters["tx"].tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}
    np.testing.assert_allclose(np.unique(parameters["ty"]), [-10, -4, 4, 10], rtol=1e-6)


@pytest.mark.parametrize("nothing", [0, 0.0])
def test_a_shift_of_nothing_leaves_images_where_they_are(nothing: float) -> None:
    augmentation = Augmentation(width_shift_range=nothing, height_shift_range=nothing)
    assert not drawn(augmentation)["tx"].any()
    images = tf.constant(smooth_images(2))
    np.testing.assert_array_equal(augment(augmentation, images, tf.constant([1, 2], tf.int64)), images)


def test_lists_are_taken_as_image_data_generator_takes_them() -> None:
    listed = Augmentation(zoom_range=[0.9, 1.1], width_shift_range=[1, 2], brightness_range=[0.5, 1.0])
    assert listed == Augmentation(zoom_range=(0.9, 1.1), width_shift_range=(1, 2), brightness_range=(0.5, 1.0))
    parameters = drawn(listed)
    assert set(parameters["tx"].tolist()) == {-2.0, -1.0, 1.0, 2.0}
    assert 0.9 <= parameters["zx"].min() < parameters["zx"].max() <= 1.1


def test_zoom_can_keep_the_aspect() -> None:
    free = drawn(Augmentation(zoom_range=0.2))
    kept = drawn(Augmentation(zoom_range=0.2, zoom_keeps_aspect=True))
    assert not np.array_equal(free["zx"], free["zy"])
    np.testing.assert_array_equal(kept["zx"], kept["zy"])


def test_the_seed_alone_decides_also_inside_a_pipeline() -> None:
    augmentation = Augmentation(rotation_range=10, zoom_range=0.1, width_shift_range=0.1)
    images = tf.constant(smooth_images(4))
    seeds = [tf.constant([7, step], tf.int64) for step in (0, 1)]
    eager = [augment(augmentation, images, seed).numpy() for seed in seeds]
    dataset = tf.data.Dataset.from_tensor_slices(tf.stack(seeds)).map(
        lambda seed: augment(augmentation, images, seed), num_parallel_calls=2
    )
    for once, twice in zip(eager, dataset.as_numpy_iterator(), strict=True):
        np.testing.assert_array_equal(once, twice)
    assert not np.array_equal(eager[0], eager[1])
    assert not np.array_equal(eager[0][0], eager[0][1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fill_mode": "mirror"}, "fill_mode must be one of constant, nearest, reflect, wrap, got 'mirror'"),
        ({"zoom_range": (0.5, 1.0, 2.0)}, "zoom_range must be one number or two"),
        ({"zoom_range": 1.0}, "must leave a zoom above 0, got 1.0"),
        ({"brightness_range": (1.0,)}, "brightness_range must be one number or two"),
        ({"cval": 256.0}, "cval must be 0 to 255, got 256.0"),
        ({"width_shift_range": -1}, "width_shift_range must be a number of at least 0, or some numbers"),
        ({"height_shift_range": -0.1}, "height_shift_range must be a number of at least 0, or some numbers"),
        ({"width_shift_range": ()}, "or some numbers to choose from, got ()"),
        ({"width_shift_range": "3"}, "width_shift_range must be a number of at least 0, or some numbers"),
        ({"zoom_range": ["a", "b"]}, "zoom_range must be one number or two, got ('a', 'b')"),
        ({"rotation_range": None}, "rotation_range must be a number, got None"),
    ],
)
def test_wrong_settings_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Augmentation(**arguments)
    assert message in str(caught.value)
