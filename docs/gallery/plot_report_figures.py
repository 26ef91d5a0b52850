"""
All figures of a report
=======================

``tagbench run`` draws these figures into ``results/synth_smoke/report/figures``, as PNG and as PDF.
``tagbench report`` draws them again from the tables. The CSV file beside each holds its numbers.
"""

from matplotlib import pyplot as plt

from benchmark.store import open_results

folder = open_results("results")["synth_smoke"].folder / "report" / "figures"
for path in sorted(folder.glob("*.png")):
    image = plt.imread(path)
    height, width = image.shape[:2]
    figure, ax = plt.subplots(figsize=(6, 0.4 + 6 * height / width), layout="constrained")
    ax.imshow(image)
    ax.set_axis_off()
    ax.set_title(path.name, loc="left", fontsize=9)
plt.show()
