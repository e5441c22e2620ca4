"""Distances on the globe."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG

Degrees = npt.ArrayLike
Kilometres = npt.NDArray[np.float64]


def great_circle_km(latitude: Degrees, longitude: Degrees, to_latitude: Degrees, to_longitude: Degrees) -> Kilometres:
    """Great-circle distance by the haversine formula; arguments broadcast, NaN stays NaN."""
    phi, lam, to_phi, to_lam = (
        np.radians(np.asarray(angle, dtype=float)) for angle in (latitude, longitude, to_latitude, to_longitude)
    )
    half = np.sin((to_phi - phi) / 2) ** 2 + np.cos(phi) * np.cos(to_phi) * np.sin((to_lam - lam) / 2) ** 2
    km: npt.NDArray[Any] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
    return km


def matrix_km(latitude: Degrees, longitude: Degrees) -> Kilometres:
    """Great-circle distance between every two of the points: [points, points]."""
    phi, lam = np.asarray(latitude, dtype=float), np.asarray(longitude, dtype=float)
    return great_circle_km(phi[:, None], lam[:, None], phi[None, :], lam[None, :])
