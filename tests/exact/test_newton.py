"""Newton's iteration on a function whose full steps run away: energy sum of sqrt(1 + x²) - b x."""

from types import SimpleNamespace

import numpy as np
import pytest

from microstructures.errors import ConvergenceError
from solvers.newton import balance

SIZE = 64


class Hyperbola:
    """Each unknown is on its own; the full step from x goes to -x³ where b is zero."""

    def __init__(self, load):
        self.load, self.curvature = load, np.ones(SIZE)
        own = {"size": SIZE, "dtype": np.float64, "direction": np.float64, "apply": self._apply}
        self.operator = SimpleNamespace(**own)
        self.preconditioner = SimpleNamespace(
            lent=None, dtype=np.float64, take=self._take, precondition=self._precondition
        )

    def respond(self, x, out, *, flows=True):
        with np.errstate(over="ignore"):  # where nothing balances x grows without limit
            root = np.sqrt(1 + x**2)
            self.curvature = 1 / root**3 if flows else np.ones(SIZE)
        out[:] = self.load - x / root
        return float(np.sum(x**2 / root))

    def move(self, x, direction, length):
        x += length * direction

    def _apply(self, x, out):
        out[:] = self.curvature * x
        return float(x @ out)

    def _take(self, r):
        self.preconditioner.rhs = r
        return True

    def _precondition(self):
        self.preconditioner.solution = self.preconditioner.rhs.copy()


@pytest.mark.parametrize("load", [0.0, 0.5, 0.8])
def test_steps_are_cut_back_where_full_ones_run_away(load):
    x = np.linspace(-3.0, 3.0, SIZE)
    report = balance(Hyperbola(load), x, reference=1.0, tolerance=1e-6, max_iterations=60)
    assert x == pytest.approx(np.full(SIZE, load / np.sqrt(1 - load**2)), abs=1e-4)
    assert report.cuts > 0
    assert report.errors[-1] <= 1e-6


def test_a_load_that_nothing_balances_is_an_error():
    with pytest.raises(ConvergenceError):
        balance(Hyperbola(1.5), np.zeros(SIZE), reference=1.0, tolerance=1e-6)
