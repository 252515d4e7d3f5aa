"""Tasks of the tests: functions whose sensitivities and shapes are known in closed form."""

import math

import numpy as np

from microstructures.errors import ConvergenceError
from studies import Outcome, number, task

ISHIGAMI = (7.0, 0.1)
G_FUNCTION = (0.0, 1.0, 4.5, 9.0)


@task(version=1)
def linear(recipe):
    """3 a - 2 b + 0 c in m, and log10 of a; fails or has no number where it is told to."""
    _fail(recipe)
    value = 3 * recipe["a"] - 2 * recipe["b"]
    is_far = recipe["a"] > recipe.get("diverges_above", math.inf)
    is_blank = recipe.get("blank_above", math.inf) < recipe["a"]
    return Outcome(
        {
            "length": number(None if is_blank else value, "m", recipe.get("error")),
            "decades": number(math.log10(recipe["a"]) if recipe["a"] > 0 else None),
            "same": number(4.0),
            "product": number(recipe["a"] * recipe["b"]),
        },
        "not converged" if is_far else "ok",
    )


@task(version=1)
def ishigami(recipe):
    """sin x + a sin² y + b z⁴ sin x; fails where it is told to."""
    _fail(recipe)
    a, b = ISHIGAMI
    x, y, z = (recipe[name] for name in "xyz")
    return Outcome({"f": number(math.sin(x) * (1 + b * z**4) + a * math.sin(y) ** 2, "J")})


@task(version=1)
def g_function(recipe):
    """Product of (|4 x - 2| + a) / (1 + a)."""
    factors = [(abs(4 * recipe[f"x{i}"] - 2) + a) / (1 + a) for i, a in enumerate(G_FUNCTION)]
    return Outcome({"g": number(math.prod(factors))})


@task(version=1)
def noisy(recipe):
    """A smooth function of a and b with ``scatter`` on it, drawn from the point itself."""
    _fail(recipe)
    a, b = recipe["a"], recipe["b"]
    seed = np.frombuffer(np.array([a, b, recipe.get("seed", 0)], float).tobytes(), np.uint32)
    scatter = recipe["scatter"]
    drawn = scatter * np.random.default_rng(seed).normal()
    smooth = recipe.get("height", 1.0) * (math.sin(3 * a) + a * b**2)
    error = scatter if recipe.get("is_told") else None
    return Outcome({"y": number(smooth + drawn, "W/m²", error), "smooth": number(smooth, "W/m²")})


def _fail(recipe):
    """At points whose first coordinate lies in the band of ``fails``."""
    low, high = recipe.get("fails", (math.inf, math.inf))
    if low <= recipe.get("x", recipe.get("a")) <= high:
        raise ConvergenceError("residual 1e-2")
