"""BibTeX of everything behind a report: models, datasets and the tools that made the numbers.

Entries of models and datasets are facts of their classes; a sweep records them when it is planned,
so that a report needs neither torch nor the classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML

from benchmark import __version__
from benchmark.perturbations import catalogue
from benchmark.store.provenance import ROOT

TOOLS: Mapping[str, str] = {
    "torch": """@inproceedings{paszke2019pytorch,
  title = {{PyTorch}: An Imperative Style, High-Performance Deep Learning Library},
  author = {Paszke, Adam and Gross, Sam and Massa, Francisco and Lerer, Adam and others},
  booktitle = {Advances in Neural Information Processing Systems 32},
  year = {2019}
}""",
    "pytorch-lightning": """@software{falcon2019lightning,
  title = {{PyTorch Lightning}},
  author = {Falcon, William and {The PyTorch Lightning team}},
  year = {2019},
  doi = {10.5281/zenodo.3828935}
}""",
    "nnAudio": """@article{cheuk2020nnaudio,
  title = {{nnAudio}: An on-the-Fly {GPU} Audio to Spectrogram Conversion Toolbox Using {1D}
           Convolutional Neural Networks},
  author = {Cheuk, Kin Wai and Anderson, Hans and Agres, Kat and Herremans, Dorien},
  journal = {IEEE Access},
  volume = {8},
  pages = {161981--162003},
  year = {2020}
}""",
    "torchmetrics": """@article{detlefsen2022torchmetrics,
  title = {{TorchMetrics} - Measuring Reproducibility in {PyTorch}},
  author = {Detlefsen, Nicki Skafte and Borovec, Jiri and Schock, Justus and Jha, Ananya Harsh
            and Koker, Teddy and Di Liello, Luca and Stancl, Daniel and Quan, Changsheng
            and Grechkin, Maxim and Falcon, William},
  journal = {Journal of Open Source Software},
  volume = {7},
  number = {70},
  pages = {4101},
  year = {2022}
}""",
    "audiomentations": """@software{jordal_audiomentations,
  title = {audiomentations},
  author = {Jordal, Iver},
  url = {https://github.com/iver56/audiomentations}
}""",
    "python-stretch": """@software{signalsmith_stretch,
  title = {Signalsmith Stretch},
  author = {{Signalsmith Audio}},
  url = {https://github.com/Signalsmith-Audio/signalsmith-stretch}
}""",
    "librosa": """@inproceedings{mcfee2015librosa,
  title = {librosa: Audio and Music Signal Analysis in {Python}},
  author = {McFee, Brian and Raffel, Colin and Liang, Dawen and Ellis, Daniel P. W. and
            McVicar, Matt and Battenberg, Eric and Nieto, Oriol},
  booktitle = {Proc. of the 14th Python in Science Conf.},
  pages = {18--25},
  year = {2015}
}""",
    "numpy": """@article{harris2020array,
  title = {Array programming with {NumPy}},
  author = {Harris, Charles R. and Millman, K. Jarrod and van der Walt, St{\\'e}fan J. and others},
  journal = {Nature},
  volume = {585},
  pages = {357--362},
  year = {2020}
}""",
    "scipy": """@article{virtanen2020scipy,
  title = {{SciPy} 1.0: Fundamental Algorithms for Scientific Computing in {Python}},
  author = {Virtanen, Pauli and Gommers, Ralf and Oliphant, Travis E. and others},
  journal = {Nature Methods},
  volume = {17},
  pages = {261--272},
  year = {2020}
}""",
    "numba": """@inproceedings{lam2015numba,
  title = {Numba: A {LLVM}-based {Python} {JIT} Compiler},
  author = {Lam, Siu Kwan and Pitrou, Antoine and Seibert, Stanley},
  booktitle = {Proc. of the Second Workshop on the LLVM Compiler Infrastructure in HPC},
  year = {2015}
}""",
    "pandas": """@inproceedings{mckinney2010data,
  title = {Data Structures for Statistical Computing in {Python}},
  author = {McKinney, Wes},
  booktitle = {Proc. of the 9th Python in Science Conf.},
  pages = {56--61},
  year = {2010}
}""",
    "matplotlib": """@article{hunter2007matplotlib,
  title = {Matplotlib: A {2D} Graphics Environment},
  author = {Hunter, John D.},
  journal = {Computing in Science \\& Engineering},
  volume = {9},
  number = {3},
  pages = {90--95},
  year = {2007}
}""",
    "soundfile": """@software{libsndfile,
  title = {libsndfile},
  author = {de Castro Lopo, Erik and others},
  url = {https://libsndfile.github.io/libsndfile/}
}""",
    "soxr": """@software{sykes_soxr,
  title = {The {SoX} Resampler library},
  author = {Sykes, Rob},
  url = {https://sourceforge.net/projects/soxr/}
}""",
}
"""Entries by the name of the distribution that is cited."""

ALWAYS = (
    *("torch", "pytorch-lightning", "nnAudio", "torchmetrics", "numpy", "scipy", "numba"),
    *("pandas", "matplotlib", "soundfile", "soxr"),
)
"""Tools behind every number and picture."""

METHODS = {
    "won2020": """@inproceedings{won2020evaluation,
  title = {Evaluation of {CNN}-based automatic music tagging models},
  author = {Won, Minz and Ferraro, Andres and Bogdanov, Dmitry and Serra, Xavier},
  booktitle = {Proc. of the 17th Sound and Music Computing Conf. (SMC)},
  year = {2020}
}""",
    "mce": """@inproceedings{hendrycks2019benchmarking,
  title = {Benchmarking Neural Network Robustness to Common Corruptions and Perturbations},
  author = {Hendrycks, Dan and Dietterich, Thomas},
  booktitle = {Proc. of the Int. Conf. on Learning Representations (ICLR)},
  year = {2019}
}""",
}
"""Entries of what is measured and how."""

_KEY = re.compile(r"@\w+\s*\{\s*([^,\s]+)\s*,")


def tagbench() -> str:
    """Return the entry of this project, from ``CITATION.cff`` where that is there."""
    facts: dict[str, Any] = {"title": "tagbench", "version": __version__}
    path = ROOT / "CITATION.cff"
    if path.is_file():
        facts |= YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    people = [
        one["name"] if "name" in one else f"{one['family-names']}, {one['given-names']}"
        for one in facts.get("authors", [{"name": "The tagbench authors"}])
    ]
    lines = [
        f"  title = {{{facts['title']}}}",
        f"  author = {{{' and '.join(f'{{{name}}}' for name in people)}}}",
        f"  version = {{{__version__}}}",
    ]
    if "date-released" in facts:
        lines.append(f"  year = {{{str(facts['date-released'])[:4]}}}")
    return "@software{tagbench,\n" + ",\n".join(lines) + "\n}"


def tools(protocols: Iterable[str], perturbations: Iterable[str]) -> list[str]:
    """Return the entries of the tools behind conditions, this project first.

    Args:
        protocols: Of the conditions that were heard, clean audio aside.
        perturbations: Likewise; of a chain without a name, its links.
    """
    heard, known = set(perturbations), catalogue()
    links = {link.partition(":")[0] for name in heard for link in name.split(">")}
    engines = {engine for name in links & known.keys() for engine in known[name].engine}
    if heard:
        engines.add("audiomentations")  # in whose terms all are applied
    names = [*ALWAYS, *sorted((engines & TOOLS.keys()) - set(ALWAYS))]
    found = [tagbench(), *(TOOLS[name] for name in names)]
    if "won2020" in set(protocols):
        found.append(METHODS["won2020"])
    if heard:
        found.append(METHODS["mce"])
    return found


def merged(entries: Sequence[str]) -> str:
    """Return the text of a ``.bib`` file: each key once, the first entry of it, in this order."""
    found: dict[str, str] = {}
    for text in entries:
        for entry in split(text):
            found.setdefault(key_of(entry), entry)
    return "".join(f"{entry}\n\n" for entry in found.values()).rstrip("\n") + "\n"


def split(text: str) -> list[str]:
    """Cut out the entries that a text holds, each to its closing brace; the rest is left out."""
    found, end = [], 0
    for match in re.finditer(r"(?m)^\s*@\w+\s*\{", text):
        if match.start() >= end:
            end = _closing(text, match.end())
            found.append(text[match.start() : end].strip())
    return found


def _closing(text: str, at: int) -> int:
    """Return the place behind the brace that closes the one before ``at``."""
    depth = 1
    while depth and at < len(text):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def key_of(entry: str) -> str:
    """Return the key of an entry."""
    match = _KEY.match(entry)
    return match[1] if match else entry
