"""GenPose as a registered estimator: sample K poses, rank them by energy, pool the best."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from benchmark.aggregation import Ranking, pool_ranked
from benchmark.diffusion.denoiser import PoseModel, bind
from benchmark.diffusion.likelihood import LikelihoodOptions, score_hypotheses
from benchmark.diffusion.pose_vector import POSE_SIZE, orthonormalise
from benchmark.diffusion.presets import ENOUGH_STEPS, PRESETS, Preset, SamplingDefaults
from benchmark.diffusion.samplers import ADAPTIVE, BATCH_WIDE, SAMPLERS
from benchmark.diffusion.warm_start import describe_warm_start, get_warm_time
from benchmark.errors import ConfigError, UnknownNameError
from benchmark.estimator import (
    EstimatorOptions,
    EstimatorSpec,
    Observations,
    PoseEstimate,
    PoseHypotheses,
    TrackStart,
)
from benchmark.likelihoods import ScoredHypotheses
from benchmark.networks.cloud_sharing import share_clouds
from benchmark.progress import ShowProgress
from benchmark.training.options import FitOptions


@dataclass(frozen=True, kw_only=True)
class SamplingOptions:
    """How poses are sampled, ranked and pooled; None takes the preset's default.

    Attributes:
        sampler: name in `benchmark.diffusion.samplers.SAMPLERS`.
        steps: noise levels of samplers with fixed steps.
        t0: time on the paper's noise schedule at which sampling starts.
        warm_start: how far tracking starts around the pose before, a name in
            `benchmark.diffusion.warm_start.WARM_STARTS`; `t0` says it as a time.
        ranking: "separate" for rotation and translation (released code), "joint" (paper).
    """

    sampler: str | None = None
    steps: int | None = None
    t0: float | None = None
    warm_start: str | None = None
    ranking: Ranking = "separate"


class GenPose:
    """Category-level pose estimation by conditional diffusion (Zhang et al., NeurIPS 2023)."""

    spec: ClassVar[EstimatorSpec] = EstimatorSpec(
        name="genpose",
        summary="diffusion proposes poses, an energy model ranks them, the best are pooled",
        gives=frozenset({"hypotheses", "energies", "tracking"}),
        reference="Zhang, Wu, Dong: GenPose, NeurIPS 2023",
    )
    start: ClassVar[TrackStart] = "perturbed"

    def __init__(
        self,
        model: PoseModel[Any],
        preset: Preset,
        options: EstimatorOptions,
        weights: dict[str, Any],
    ) -> None:
        sampling = _read_sampling(options.extra)
        self._model, self._preset, self._weights = model, preset, weights
        self._hypotheses, self._keep = options.hypotheses, options.keep
        self._ranking = sampling.ranking
        self._device = find_device(options.device)
        defaults = preset.tracking if options.tracking else preset
        self._sampler = sampling.sampler or defaults.sampler
        self._steps = _choose_steps(self._sampler, defaults, sampling.steps)
        self._tracking = options.tracking
        self._sigma_max = preset.get_start_sigma(_choose_start(preset, sampling, options.tracking))

    @classmethod
    def load(cls, options: EstimatorOptions) -> "GenPose":
        """Load a preset's networks, shipped or from `options.weights`.

        Raises:
            ConfigError: options that do not fit the preset or the sampler, or a preset without
                shipped weights.
            DataFormatError: weights and card do not belong together.
            LeakageError: the weights were trained on what their card says was held out.
            UnknownNameError: no such preset, weights set or sampler.
        """
        preset = get_preset(options.preset)
        weights = preset.find_weights(options.weights)
        model, fingerprints = preset.load(weights.folder, find_device(options.device))
        return cls(model, preset, options, weights.verify(fingerprints))

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
        """Train the networks of a preset on a folder of shards; see `genbench train`."""
        from benchmark.diffusion.fitting import fit_networks

        plan = get_preset(options.preset).plan()
        fit_networks(plan, shards, folder, options, report=report, show=show)

    def estimate(self, observations: Observations) -> PoseEstimate:
        """Return the pooled pose of each observation, with its K hypotheses and their energies."""
        return self._pool(self.sample(observations))

    def track(self, observations: Observations, previous: PoseEstimate) -> PoseEstimate:
        """Return the pooled pose of each observation, sampled around its pose one frame before.

        Source: GenPose, algorithm 1.
        """
        return self._pool(self.sample(observations, previous))

    def _pool(self, hypotheses: PoseHypotheses) -> PoseEstimate:
        rotation, translation = pool_ranked(
            hypotheses.rotation,
            hypotheses.translation,
            hypotheses.energies,
            keep=self._keep,
            ranking=self._ranking,
        )
        return PoseEstimate(rotation=rotation, translation=translation, hypotheses=hypotheses)

    def sample(
        self, observations: Observations, around: PoseEstimate | None = None
    ) -> PoseHypotheses:
        """Return K poses of each observation in draw order, with their energies.

        Sampling starts from noise alone, or from noise added to the poses `around`.
        """
        count = len(observations)
        if self._device.type != "cpu" or self._sampler in BATCH_WIDE:
            return self._sample_part(observations, around, 0, count)
        # Most operations are too small to be shared among threads; parts of the batch are not.
        return PoseHypotheses.join(
            share_clouds(partial(self._sample_part, observations, around), count)
        )

    @torch.inference_mode()
    def _sample_part(
        self, observations: Observations, around: PoseEstimate | None, start: int, stop: int
    ) -> PoseHypotheses:
        part = observations.take(slice(start, stop))
        features = self._model.encode(torch.from_numpy(part.points).to(self._device))
        sigmas = self._preset.make_sigmas(self._steps, self._sigma_max).to(self._device)
        noise = draw_noise(part.seeds, self._hypotheses).to(self._device)
        poses = sigmas[0] * noise
        if around is not None:
            poses = poses + self._normalise(
                features, around.rotation[start:stop], around.translation[start:stop]
            )
        poses = orthonormalise(SAMPLERS[self._sampler](bind(self._model, features), poses, sigmas))
        energies = self._model.compute_energies(features, poses)
        rotation, translation = self._model.restore_poses(features, poses)
        return PoseHypotheses(
            rotation=rotation.cpu().numpy(),
            translation=translation.cpu().numpy(),
            energies=None if energies is None else energies.cpu().numpy(),
        )

    def _normalise(self, features: Any, *pose: np.ndarray) -> Tensor:
        """Return one pose vector (B, 1, 9) for each cloud, from rotations and translations."""
        rotation, translation = (
            torch.from_numpy(values).float()[:, None].to(self._device) for values in pose
        )
        return self._model.normalise_poses(features, rotation, translation)

    @torch.inference_mode()
    def compute_features(self, observations: Observations) -> np.ndarray:
        """Return the score encoder's feature (B, d) of each cloud; see `genbench features`."""
        points = torch.from_numpy(observations.points).to(self._device)
        return np.asarray(self._model.embed(points).cpu().numpy())

    @torch.no_grad()
    def score_hypotheses(
        self, observations: Observations, hypotheses: PoseHypotheses, tolerance: float
    ) -> ScoredHypotheses:
        """Return the exact log-likelihood of given poses; see `genbench likelihood`.

        Args:
            observations: B clouds.
            hypotheses: K poses of each.
            tolerance: of the ODE solver.
        """
        sigma, prior_sigma = self._preset.noise_range
        options = LikelihoodOptions(sigma=sigma, prior_sigma=prior_sigma, tolerance=tolerance)
        features = self._model.encode(torch.from_numpy(observations.points).to(self._device))
        rotation, translation = (
            torch.from_numpy(values).to(self._device)
            for values in (hypotheses.rotation, hypotheses.translation)
        )
        poses = self._model.normalise_poses(features, rotation, translation)
        return score_hypotheses(self._model, features, poses, options)

    def describe(self) -> dict[str, Any]:
        """Return the resolved configuration and the weights' fingerprints."""
        return {
            "preset": self._preset.name,
            "sampler": self._sampler,
            "steps": self._steps,
            "sigma_max": self._sigma_max,
            "ranking": self._ranking,
            "keep": self._keep,
            **self._weights,
            **({"tracking": describe_warm_start(self._sigma_max)} if self._tracking else {}),
        }


def draw_noise(seeds: np.ndarray, hypotheses: int) -> Tensor:
    """Return standard normal numbers (B, K, 9), each observation's from its own seed."""
    noise = np.empty((len(seeds), hypotheses, POSE_SIZE), dtype=np.float32)
    for row, seed in enumerate(seeds):
        generator = np.random.Generator(np.random.Philox(int(seed)))
        generator.standard_normal(out=noise[row], dtype=np.float32)
    return torch.from_numpy(noise)


def get_preset(name: str | None) -> Preset:
    """Return a preset by name, the default one for None.

    Raises:
        UnknownNameError: no such preset.
    """
    if name is None:
        return next(iter(PRESETS.values()))
    if name not in PRESETS:
        raise UnknownNameError.suggest("preset", name, list(PRESETS))
    return PRESETS[name]


def _choose_steps(sampler: str, defaults: SamplingDefaults, given: int | None) -> int:
    """Return the number of noise levels, that of the defaults for their own sampler."""
    if sampler not in SAMPLERS:
        raise UnknownNameError.suggest("sampler", sampler, list(SAMPLERS))
    if sampler in ADAPTIVE:
        if given is not None:
            raise ConfigError(f"--steps {given}: {sampler} chooses its own steps: leave it out")
        return ENOUGH_STEPS
    return given or (defaults.steps if sampler == defaults.sampler else ENOUGH_STEPS)


def _choose_start(preset: Preset, sampling: SamplingOptions, tracking: bool) -> float | None:
    """Return the time to start at; None for the preset's own."""
    if tracking:
        return get_warm_time(preset.tracking, sampling.warm_start, sampling.t0)
    if sampling.warm_start is not None:
        raise ConfigError("--warm-start belongs to tracking: give --track, or leave it out")
    return sampling.t0


def _read_sampling(extra: dict[str, Any]) -> SamplingOptions:
    known = SamplingOptions.__dataclass_fields__
    for name in extra:
        if name not in known:
            raise UnknownNameError.suggest("option of genpose", name, list(known))
    return SamplingOptions(**{name: value for name, value in extra.items() if value is not None})


def find_device(name: str) -> torch.device:
    """Return the torch device of a name; "auto" takes a GPU where there is one.

    Raises:
        ConfigError: no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"unknown device '{name}': use cpu, cuda or auto") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: no usable GPU found: use --device cpu")
    return device
