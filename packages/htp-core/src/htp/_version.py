"""The version of the core distribution and the API generation plugins are written for."""

__version__ = "0.1.0"
HTP_API = 1
