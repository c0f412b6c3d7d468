"""Packages: what every compile leaves, how it is sealed, published and opened."""

from htp.artifact.manifest import Manifest
from htp.artifact.publish import publish_package
from htp.artifact.read import Package, open_package

__all__ = ["Manifest", "Package", "open_package", "publish_package"]
