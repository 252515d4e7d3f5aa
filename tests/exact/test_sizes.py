"""Distributions of sizes as tables: what is written down comes back to the last bit."""

import json

import numpy as np
import pytest

from microstructures import generate
from microstructures.errors import InvalidInputError
from microstructures.generate import Sizes

SMALL, LARGE = generate.equal_sizes(1e-6), generate.lognormal_sizes(5e-6, 0.3, by="volume")
LAWS = [
    (SMALL, {"law": "equal", "radius": 1e-6}),
    (generate.normal_sizes(4e-6, 1e-6), {"law": "normal", "mean": 4e-6, "deviation": 1e-6}),
    (
        generate.lognormal_sizes(2e-6, 0.3),
        {"law": "lognormal", "median": 2e-6, "sigma": 0.3, "by": "number"},
    ),
    (
        generate.quantile_sizes({0.9: 7e-6, 0.1: 2e-6}),
        {"law": "quantile", "shares": [0.1, 0.9], "radii": [2e-6, 7e-6], "by": "volume"},
    ),
    (
        generate.quantile_sizes({0.1: 2e-6, 0.9: 7e-6}, by="number"),
        {"law": "quantile", "shares": [0.1, 0.9], "radii": [2e-6, 7e-6], "by": "number"},
    ),
    (
        generate.bimodal_sizes(SMALL, LARGE, 0.2),
        {
            "law": "bimodal",
            "first": {"law": "equal", "radius": 1e-6},
            "second": {"law": "lognormal", "median": 5e-6, "sigma": 0.3, "by": "volume"},
            "volume_share": 0.2,
        },
    ),
    (
        Sizes([0, 0.25, 1], [1e-6, 3e-6, 4e-6]),
        {"law": "table", "ranks": [0.0, 0.25, 1.0], "radii": [1e-6, 3e-6, 4e-6]},
    ),
]


@pytest.mark.parametrize(("sizes", "table"), LAWS, ids=[table["law"] for _, table in LAWS])
def test_a_law_is_its_table(sizes, table):
    assert sizes.to_dict() == table
    again = Sizes.from_dict(json.loads(json.dumps(table)))
    assert np.array_equal(again.ranks, sizes.ranks)
    assert np.array_equal(again.radii, sizes.radii)
    assert again.to_dict() == table


def test_what_a_table_leaves_out_is_what_the_function_does():
    short = Sizes.from_dict({"law": "quantile", "shares": [0.9, 0.1], "radii": [7e-6, 2e-6]})
    assert np.array_equal(short.radii, LAWS[3][0].radii)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"radius": 1e-6}, "give 'law'"),
        ({"law": "log-normal", "median": 1e-6}, "one of .*'lognormal'"),
        ({"law": ["equal"]}, "give 'law'"),
        ("lognormal", "give 'law'"),
        ({"law": "lognormal", "median": 2e-6, "sgma": 0.3}, "did you mean 'sigma'"),
        ({"law": "lognormal", "mean": 2e-6, "sigma": 0.3}, "no 'mean'"),
        ({"law": "lognormal", "median": 2e-6}, "lack sigma"),
        ({"law": "lognormal", "median": "2e-6", "sigma": 0.3}, "median '2e-6'"),
        ({"law": "quantile", "shares": [0.1, 0.9], "radii": [2e-6]}, "two lists"),
        ({"law": "quantile", "shares": 0.5, "radii": 2e-6}, "two lists"),
        ({"law": "quantile", "shares": ["0.1", "0.9"], "radii": [2e-6, 3e-6]}, "two lists"),
        ({"law": "bimodal", "first": {}, "second": {}, "volume_share": 0.5}, "give 'law'"),
        ({"law": "table", "ranks": ["a", "b"], "radii": [1e-6, 2e-6]}, "not a table"),
    ],
)
def test_tables_that_are_none_are_told(table, words):
    with pytest.raises(InvalidInputError, match=words):
        Sizes.from_dict(table)


def test_a_mixture_wants_distributions():
    with pytest.raises(InvalidInputError, match="not two distributions"):
        generate.bimodal_sizes(1e-6, SMALL, 0.5)
