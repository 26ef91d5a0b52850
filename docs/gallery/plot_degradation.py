"""
Score against severity
======================

The score of every model against the level of each family, with the intervals of the scores, from
``robustness.csv``. The report draws the same curves.
"""

from matplotlib import pyplot as plt

from benchmark.report.figures.degradation import curves, draw_curve
from benchmark.report.figures.style import model_styles
from benchmark.store import open_results

tables = open_results("results")["synth_smoke"].tables
styles = model_styles(list(tables.leaderboard["model"]))
families = curves(tables.robustness, "roc_auc")

figure, axes = plt.subplots(1, len(families), figsize=(10, 2.6), layout="constrained")
for ax, family in zip(axes, families, strict=True):
    draw_curve(ax, family, styles, "roc_auc")
axes[0].legend()
plt.show()
