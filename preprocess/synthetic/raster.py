"""Drawing closed meshes into depth images: exact, and quick for small parts of a frame."""

import numpy as np
from numba import njit

NEAREST = 0.05
"""Triangles that come nearer to the camera than this, in metres, are left out."""


@njit(cache=True, nogil=True, error_model="numpy")
def draw_mesh(
    vertices: np.ndarray,
    faces: np.ndarray,
    luma: np.ndarray,
    camera: np.ndarray,
    row: int,
    depth: np.ndarray,
    owner: np.ndarray,
    face_seen: np.ndarray,
    incidence: np.ndarray,
    brightness: np.ndarray,
) -> None:
    """Draw a closed mesh wherever it is nearer than what is there, in place.

    A pixel's depth is that of the ray through its centre, as ray casting would give it. Faces that
    look away are left out: behind them, a closed mesh has others that are nearer.

    Args:
        vertices: (V, 3) float64 in the camera frame.
        faces: (F, 3) int32, counter-clockwise seen from outside.
        luma: (F,) float32 brightness.
        camera: (4,) fx, fy, cx, cy, the centre relative to the first pixel of the images.
        row: mark of this mesh in `owner`.
        depth: (h, w) float32 metres.
        owner: (h, w) int8.
        face_seen: (h, w) int32, row of `faces`.
        incidence: (h, w) float32 cosine between normal and ray.
        brightness: (h, w) float32.
    """
    height, width = depth.shape
    fx, fy, cx, cy = camera
    us = fx * vertices[:, 0] / vertices[:, 2] + cx
    vs = fy * vertices[:, 1] / vertices[:, 2] + cy
    for face in range(len(faces)):
        i, j, k = faces[face]
        ax, ay, az = vertices[i]
        px, py, pz = vertices[j, 0] - ax, vertices[j, 1] - ay, vertices[j, 2] - az
        qx, qy, qz = vertices[k, 0] - ax, vertices[k, 1] - ay, vertices[k, 2] - az
        nx, ny, nz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
        offset = nx * ax + ny * ay + nz * az
        if offset >= 0 or min(az, vertices[j, 2], vertices[k, 2]) < NEAREST:
            continue
        ua, ub, uc, va, vb, vc = us[i], us[j], us[k], vs[i], vs[j], vs[k]
        # Seen from the camera, whose y points down, outward faces turn clockwise: areas are < 0.
        x_first, x_end = max(int(np.ceil(min(ua, ub, uc))), 0), min(int(max(ua, ub, uc)) + 1, width)
        y_first, y_end = (
            max(int(np.ceil(min(va, vb, vc))), 0),
            min(int(max(va, vb, vc)) + 1, height),
        )
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        for y in range(y_first, y_end):
            ray_y = (y - cy) / fy
            for x in range(x_first, x_end):
                if (
                    (ub - ua) * (y - va) - (x - ua) * (vb - va) > 0
                    or (uc - ub) * (y - vb) - (x - ub) * (vc - vb) > 0
                    or (ua - uc) * (y - vc) - (x - uc) * (va - vc) > 0
                ):
                    continue
                ray_x = (x - cx) / fx
                along = nx * ray_x + ny * ray_y + nz
                z = offset / along
                if z < depth[y, x]:
                    depth[y, x] = z
                    owner[y, x] = row
                    face_seen[y, x] = face
                    brightness[y, x] = luma[face]
                    incidence[y, x] = -along / (length * np.sqrt(ray_x**2 + ray_y**2 + 1))


@njit(cache=True, nogil=True, error_model="numpy")
def draw_support(
    position: np.ndarray,
    axes: np.ndarray,
    camera: np.ndarray,
    reach: float,
    wall: float,
    depth: np.ndarray,
    incidence: np.ndarray,
) -> None:
    """Fill images with the plane y = 0 around the world's origin, and a wall beyond its edge.

    Args:
        position: (3,) of the camera in the world.
        axes: (3, 3) world to camera.
        camera: (4,) fx, fy, cx, cy, the centre relative to the first pixel of the images.
        reach: radius of the support, metres.
        wall: depth of the wall, metres.
        depth: (h, w) float32, receives metres.
        incidence: (h, w) float32, receives the cosine between normal and ray.
    """
    fx, fy, cx, cy = camera
    for y in range(depth.shape[0]):
        ray_y = (y - cy) / fy
        for x in range(depth.shape[1]):
            ray_x = (x - cx) / fx
            sink = -(ray_x * axes[0, 1] + ray_y * axes[1, 1] + axes[2, 1])
            z = position[1] / sink
            east = position[0] + z * (ray_x * axes[0, 0] + ray_y * axes[1, 0] + axes[2, 0])
            south = position[2] + z * (ray_x * axes[0, 2] + ray_y * axes[1, 2] + axes[2, 2])
            if sink > 0 and east * east + south * south < reach * reach:
                depth[y, x] = z
                incidence[y, x] = sink / np.sqrt(ray_x**2 + ray_y**2 + 1)
            else:
                depth[y, x] = wall
                incidence[y, x] = 1.0
