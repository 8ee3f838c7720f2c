"""The estimator contract: options that no estimator could honour are refused."""

from typing import Any

import pytest

from benchmark.errors import ConfigError
from benchmark.estimator import EstimatorOptions


@pytest.mark.parametrize(
    "options", [{"hypotheses": 0}, {"keep": 0.0}, {"keep": 1.2}, {"keep": float("nan")}]
)
def test_options_out_of_range_are_named(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ConfigError, match=name):
        EstimatorOptions(**options)
