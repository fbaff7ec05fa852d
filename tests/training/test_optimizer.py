from __future__ import annotations

import keras
import numpy as np
import pytest

from captcha_keras.training.optimizer import RampedAdam


def factors(optimizer: RampedAdam, steps: int) -> np.ndarray:
    return np.array([float(optimizer.ramp(step)) for step in range(steps)])


def test_the_ramp_rises_holds_and_falls() -> None:
    ramp = factors(RampedAdam(1.0, warmup_steps=10, total_steps=110, anneal=0.5), 111)
    np.testing.assert_allclose(ramp[:10], np.arange(1, 11) / 10, rtol=1e-6)
    assert (ramp[10:61] == 1).all()
    assert (np.diff(ramp[60:111]) < 0).all()
    assert ramp[85] == pytest.approx(0.5, abs=1e-3)
    assert ramp[110] == pytest.approx(0, abs=1e-6)


def test_without_anneal_the_rate_stays() -> None:
    assert (factors(RampedAdam(1.0, warmup_steps=0, total_steps=10), 20) == 1).all()


def test_the_whole_decay_starts_after_the_warm_up() -> None:
    ramp = factors(RampedAdam(1.0, warmup_steps=4, total_steps=20, anneal=1.0), 21)
    assert ramp.argmax() in (3, 4)
    assert (np.diff(ramp[4:]) < 0).all()


def trained(optimizer: keras.optimizers.Optimizer, steps: int) -> list[float]:
    """The weight of y = w x after each step with the constant gradient 1; Adam then moves by its rate."""
    variable = keras.Variable([0.0])
    optimizer.build([variable])
    path = [0.0]
    for _ in range(steps):
        optimizer.apply([np.ones(1, np.float32)], [variable])
        path.append(float(variable.numpy()[0]))
    return path


def test_steps_are_scaled_by_the_ramp_and_by_what_plateau_sets() -> None:
    optimizer = RampedAdam(0.1, warmup_steps=5, total_steps=100, epsilon=1e-12)
    path = trained(optimizer, 8)
    np.testing.assert_allclose(-np.diff(path), 0.1 * np.minimum(1, np.arange(1, 9) / 5), rtol=1e-4)
    # What ReduceLROnPlateau reads and writes is the rate without the ramp.
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    optimizer.learning_rate = 0.05
    variable = keras.Variable([0.0])
    fresh = RampedAdam(0.1, warmup_steps=1, total_steps=100, epsilon=1e-12)
    fresh.build([variable])
    fresh.learning_rate = 0.05
    fresh.apply([np.ones(1, np.float32)], [variable])
    assert float(variable.numpy()[0]) == pytest.approx(-0.05, rel=1e-4)


def test_the_course_begins_anew_at_each_restart() -> None:
    def ramp(optimizer: RampedAdam, steps: range) -> list[float]:
        return [float(optimizer.ramp(step)) for step in steps]

    whole = RampedAdam(1e-3, warmup_steps=2, total_steps=30, anneal=1.0, restarts=(10,))
    first, second = (RampedAdam(1e-3, warmup_steps=2, total_steps=steps, anneal=1.0) for steps in (10, 20))
    assert ramp(whole, range(10)) == ramp(first, range(10))
    assert ramp(whole, range(10, 30)) == pytest.approx(ramp(second, range(20)))
    assert ramp(whole, range(9, 12)) == pytest.approx([0.04, 0.5, 1.0], abs=0.01)
    assert RampedAdam.from_config(whole.get_config()).restarts == (10,)
