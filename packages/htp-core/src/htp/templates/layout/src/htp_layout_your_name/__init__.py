"""An HTP layout: a matrix in panels of interleaved rows."""

from htp_layout_your_name.panels import Panels

__all__ = ["Panels"]
