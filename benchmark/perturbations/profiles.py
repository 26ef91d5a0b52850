"""Profiles: named lists of conditions of the suite.

A profile is fixed, so that results under it stay comparable: a perturbation that is added to the
catalogue is not added to a profile. Protocols that are always selected whole, such as ``won2020``
and ``controls``, need no profile.
"""

from __future__ import annotations

from collections.abc import Mapping

_EVERY = (1, 2, 3, 4, 5)
_ODD = (1, 3, 5)
_EVEN = (2, 4)
_SUITE = (
    *("pitch_up", "pitch_down", "time_faster", "time_slower"),
    *("white_noise", "compression", "gain"),
)

PROFILES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "quick": dict.fromkeys(_SUITE, _ODD),
    # One condition per family and severity: the direction of pitch and tempo alternates.
    "core": {
        "pitch_up": _ODD,
        "pitch_down": _EVEN,
        "time_faster": _ODD,
        "time_slower": _EVEN,
        "white_noise": _EVERY,
        "compression": _EVERY,
    },
    "full": dict.fromkeys(_SUITE, _EVERY),
}
"""Severities of each perturbation, by profile: 21, 20 and 35 conditions."""
