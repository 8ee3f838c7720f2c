"""The regression twin as a registered estimator: one pose per cloud, no hypotheses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch

from baselines.regression.network import PoseRegressor
from baselines.regression.recipe import PLANS, regress_poses
from benchmark.diffusion.estimator import find_device
from benchmark.diffusion.presets import load_network
from benchmark.errors import UnknownNameError
from benchmark.estimator import EstimatorOptions, EstimatorSpec, Observations, PoseEstimate
from benchmark.progress import ShowProgress
from benchmark.training.options import FitOptions
from benchmark.weights import find_weights

SHIPPED = Path(__file__).parent / "weights"
_DEFAULT = "handled"


class Regression:
    """The deterministic twin of GenPose's compact preset; its presets handle symmetry or not."""

    spec: ClassVar[EstimatorSpec] = EstimatorSpec(
        name="regression",
        summary="GenPose's encoder, data and budget, but one pose regressed (presets: "
        "handled, ignored symmetry)",
        parameters=1.66,
    )

    def __init__(
        self, network: PoseRegressor, preset: str, device: torch.device, weights: dict[str, Any]
    ) -> None:
        self._network, self._preset, self._device = network, preset, device
        self._weights = weights

    @classmethod
    def load(cls, options: EstimatorOptions) -> "Regression":
        """Load the weights of a preset, shipped or from `options.weights`.

        Raises:
            DataFormatError: weights and card do not belong together.
            LeakageError: the weights were trained on what their card says was held out.
            UnknownNameError: no such preset or weights set, or an option; it has none.
        """
        for name in options.extra:
            raise UnknownNameError.suggest("option of regression", name, [])
        preset, device = _get_preset(options.preset), find_device(options.device)
        weights = find_weights(options.weights or Path(f"regression-{preset}"), SHIPPED)
        network = PoseRegressor()
        fingerprint = load_network(network, weights.folder / "regressor.safetensors", device)
        return cls(network, preset, device, weights.verify({"regressor": fingerprint}))

    @classmethod
    def fit(
        cls,
        shards: Path,
        folder: Path,
        options: FitOptions,
        *,
        report: Callable[[str], None],
        show: ShowProgress,
    ) -> None:
        """Train the network on a folder of shards; see `genbench train`."""
        from benchmark.diffusion.fitting import fit_networks

        plan = PLANS[_get_preset(options.preset)]
        fit_networks(plan, shards, folder, options, report=report, show=show)

    def estimate(self, observations: Observations) -> PoseEstimate:
        """Return the regressed pose of each observation."""
        points = torch.from_numpy(observations.points).to(self._device)
        rotation, translation = regress_poses(self._network, points)
        return PoseEstimate(rotation=rotation.cpu().numpy(), translation=translation.cpu().numpy())

    def describe(self) -> dict[str, Any]:
        """Return the resolved configuration and the weights' fingerprints."""
        return {"preset": self._preset, "symmetry": self._preset, **self._weights}


def _get_preset(name: str | None) -> str:
    if name is not None and name not in PLANS:
        raise UnknownNameError.suggest("preset", name, list(PLANS))
    return name or _DEFAULT
