"""
Measured effect of a perturbation
=================================

What was requested of each perturbation beside the median of what was measured, from
``effects.csv``.
"""

import pandas as pd

from benchmark.store import open_results

effects = pd.read_csv(open_results("results")["synth_smoke"].folder / "effects.csv")
rows = effects[effects["asked"].notna()]
print(rows[["perturbation", "quantity", "asked", "median"]].to_string(index=False))
