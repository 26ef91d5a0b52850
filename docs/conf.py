"""Settings of Sphinx for `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]

from benchmark import __version__  # noqa: E402

project = "tagbench"
author = "The tagbench authors"
copyright = "The tagbench authors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "gallery_sweep",
    "generated_pages",
]
exclude_patterns = ["build", "extensions", "gallery"]
root_doc = "index"

html_theme = "furo"
html_title = f"tagbench {release}"
html_show_sourcelink = False
html_copy_source = False

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["config.cache"]

autosummary_generate = True
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_preprocess_types = False

# A reference to an object of another library has no page here. One to an object of tagbench must
# resolve where it is written as a role in the text.
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r".*"),
    ("py:.*", r"(?!benchmark|datamodules|lightning_modules).*"),
]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "gallery_pages",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}
