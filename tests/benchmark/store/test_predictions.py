"""Reading of stored predictions."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.store.predictions import load_predictions
from datamodules.common.errors import TagbenchError
from tests.support.scored import scores_by_hand


def test_predictions_of_other_shape_are_refused(tmp_path):
    cell = scores_by_hand(tmp_path)[0]
    stored = dict(np.load(cell.predictions))
    np.savez(cell.predictions, **{**stored, "targets": stored["targets"][:3]})
    with pytest.raises(TagbenchError, match=r"targets has shape \(3, 2\), expected \(4, 2\)"):
        load_predictions(cell.predictions)
