"""Where the virtual camera stands: single views, and smooth paths of a hand-held camera."""

from dataclasses import dataclass

import numpy as np

_LOWEST, _HIGHEST = np.deg2rad(14.0), np.deg2rad(65.0)


@dataclass(frozen=True, kw_only=True)
class View:
    """A camera in the world (y up, metres).

    Attributes:
        rotation: (3, 3) world to camera (OpenCV axes).
        position: (3,) optical centre in the world.
    """

    rotation: np.ndarray
    position: np.ndarray

    def transform(self, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        """Return the 4x4 object-to-camera pose of an object-to-world pose."""
        pose = np.eye(4)
        pose[:3, :3] = self.rotation @ rotation
        pose[:3, 3] = self.rotation @ (translation - self.position)
        return pose


def look_at(position: np.ndarray, target: np.ndarray, roll: float) -> View:
    """Return the view from `position` towards `target`, turned by `roll` about the optical axis."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross([0.0, -1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    cosine, sine = np.cos(roll), np.sin(roll)
    rotation = np.stack([cosine * right + sine * down, cosine * down - sine * right, forward])
    return View(rotation=rotation, position=position)


@dataclass(frozen=True, kw_only=True)
class CameraPath:
    """A smooth path around the middle of a scene, of slow waves over the frame number.

    Attributes:
        azimuth, elevation: start in radians.
        distance: mean distance from the target in metres.
        turn: steady change of the azimuth a frame, radians.
        amplitude: (6,) swing of elevation, distance (relative), roll, and the target's x, y, z.
        frequency, phase: (6,) of these swings, radians a frame and radians.
    """

    azimuth: float
    elevation: float
    distance: float
    turn: float
    amplitude: np.ndarray
    frequency: np.ndarray
    phase: np.ndarray

    def view(self, number: int) -> View:
        """Return the view of frame `number` of the sequence."""
        swing = self.amplitude * np.sin(self.frequency * number + self.phase)
        azimuth = self.azimuth + self.turn * number
        elevation = np.clip(self.elevation + swing[0], _LOWEST, _HIGHEST)
        level = np.cos(elevation)
        direction = np.array([level * np.cos(azimuth), np.sin(elevation), level * np.sin(azimuth)])
        target = np.array([0.0, 0.04, 0.0]) + swing[3:]
        position = target + self.distance * (1.0 + swing[1]) * direction
        return look_at(position, target, float(swing[2]))


def sample_camera_path(scene_radius: float, rng: np.random.Generator) -> CameraPath:
    """Draw a path from which a scene of this radius (metres) roughly fills the picture."""
    distance = scene_radius / np.tan(np.deg2rad(21.0)) * rng.uniform(0.8, 1.15)
    largest_swing = np.array([np.deg2rad(10.0), 0.15, np.deg2rad(5.0), 0.03, 0.02, 0.03])
    return CameraPath(
        azimuth=rng.uniform(0.0, 2 * np.pi),
        elevation=np.deg2rad(rng.uniform(20.0, 52.0)),
        distance=float(np.clip(distance, 0.5, 1.5)),
        turn=float(rng.choice([-1.0, 1.0]) * np.deg2rad(rng.uniform(0.8, 1.6))),
        amplitude=largest_swing * rng.uniform(0.3, 1.0, 6),
        frequency=rng.uniform(0.05, 0.14, 6),
        phase=rng.uniform(0.0, 2 * np.pi, 6),
    )
