"""Random changes of training crops: chains of transforms, named by YAML files.

Each transform is one class, which is found by its module; no registration is needed.
"""

from __future__ import annotations

from benchmark.augmentations.base import Drawn, Transform
from benchmark.augmentations.catalogue import AugmentationFile, resolve, transforms
from benchmark.augmentations.chain import Chain

__all__ = ["AugmentationFile", "Chain", "Drawn", "Transform", "resolve", "transforms"]
