"""
Drops with paired intervals
===========================

The drop of each condition with its 95 % interval, from ``robustness.csv``. The resamples of a
condition and of clean audio are the same, so that the interval is one of the difference.
"""

from matplotlib import pyplot as plt

from benchmark.store import open_results

rows = open_results("results")["synth_smoke"].tables.robustness
rows = rows[(rows["metric"] == "roc_auc") & (rows["severity"] > 0)]
rows = rows[rows["model"] == "sample_cnn"]

figure, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
errors = [rows["drop"] - rows["drop_low"], rows["drop_high"] - rows["drop"]]
ax.errorbar(rows["drop"], rows["perturbation"].str.replace("_", " "), xerr=errors, fmt="o")
ax.axvline(0, color="grey", linewidth=0.8)
ax.set_xlabel("drop in ROC-AUC from clean audio")
plt.show()
