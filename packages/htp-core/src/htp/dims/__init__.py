"""Dimensions: symbolic integers, their text, and what can be proved about them."""

from htp.dims.expr import Expr, const, sym
from htp.dims.facts import Facts
from htp.dims.forms import maximum, minimum
from htp.dims.parse import parse

__all__ = ["Expr", "Facts", "const", "maximum", "minimum", "parse", "sym"]
