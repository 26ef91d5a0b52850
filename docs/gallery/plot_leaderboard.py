"""
Scores with intervals
=====================

The score of every model on clean audio with its 95 % interval, from ``leaderboard.csv``.
"""

from matplotlib import pyplot as plt

from benchmark.store import open_results

board = open_results("results")["synth_smoke"].tables.leaderboard

figure, ax = plt.subplots(figsize=(6, 1.6), layout="constrained")
low = board["roc_auc"] - board["roc_auc_low"]
high = board["roc_auc_high"] - board["roc_auc"]
ax.errorbar(board["roc_auc"], board["model"], xerr=[low, high], fmt="o")
ax.invert_yaxis()
ax.margins(y=0.4)
ax.set_xlabel("ROC-AUC on clean audio, 95 % interval")
plt.show()
