"""Sphinx settings. Language, codes and command pages are generated from the installed packages by `_ext/`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "HTP"
author = "The HTP authors"
copyright = "The HTP authors"
extensions = ["myst_parser", "sphinx_copybutton", "htp_reference"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_ext", "start/generated"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nitpicky = True
html_theme = "furo"
html_title = "HTP"
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp"
