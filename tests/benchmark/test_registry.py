"""The registry: lazy, honest about broken plug-ins, helpful about misspelt names."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from baselines.mean_pose import MeanPose
from benchmark import registry
from benchmark.errors import PluginLoadError, UnknownNameError
from benchmark.estimator import EstimatorOptions, EstimatorSpec
from benchmark.registry import BUILT_IN, get_estimator, list_estimators, load_estimator

Register = Callable[..., None]


class Custom(MeanPose):
    """An estimator of another package."""

    spec = EstimatorSpec(name="custom", summary="from elsewhere")


class NoSpec:
    """Has the methods of an estimator, but says nothing of itself."""

    def load(self) -> None:
        """Do nothing."""

    estimate = describe = load


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Return a function that registers "name=module:Class" entry points."""
    module = ModuleType("a_plugin")
    vars(module).update(Custom=Custom, NoSpec=NoSpec, number=3)
    monkeypatch.setitem(sys.modules, "a_plugin", module)

    def register(*texts: str) -> None:
        points = [
            EntryPoint(*text.split("=", 1), group=registry.ENTRY_POINT_GROUP) for text in texts
        ]
        monkeypatch.setattr(registry, "entry_points", lambda group: points)  # noqa: ARG005

    return register


def test_an_installed_package_adds_its_estimator(register: Register) -> None:
    register("custom=a_plugin:Custom")
    assert list_estimators() == [*BUILT_IN, "custom"]
    assert isinstance(load_estimator("custom", EstimatorOptions()), Custom)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'mean-pos'.*did you mean 'mean-pose'\?"):
        get_estimator("mean-pos")


@pytest.mark.parametrize("other", ["custom=b_plugin:Custom", "mean-pose=a_plugin:Custom"])
def test_a_name_claimed_twice_is_refused(register: Register, other: str) -> None:
    register("custom=a_plugin:Custom", other)
    name = other.split("=")[0]
    with pytest.raises(PluginLoadError, match=rf"'{name}'.* and .*uninstall one"):
        get_estimator(name)


def test_a_package_found_twice_on_the_path_is_one_package(register: Register) -> None:
    register("custom=a_plugin:Custom", "custom=a_plugin:Custom")
    assert get_estimator("custom") is Custom


@pytest.mark.reliability
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_package:X", "ModuleNotFoundError"),
        ("a_plugin:Absent", "Absent"),
        ("a_plugin:number", "expected a class"),
        ("a_plugin:NoSpec", "expected spec"),
        ("baselines.mean_pose:MeanPose", "name='broken'"),
    ],
)
def test_a_broken_plugin_is_listed_and_says_what_is_wrong(
    register: Register, target: str, message: str
) -> None:
    register(f"broken={target}")
    assert "broken" in list_estimators()
    with pytest.raises(PluginLoadError, match=rf"'broken' \({target}\).*{message}"):
        get_estimator("broken")
