"""The example programs of the repository, as modules."""

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[3] / "examples"


@functools.cache
def example(path: str) -> ModuleType:
    """The module of a file under `examples/`."""
    spec = importlib.util.spec_from_file_location(f"pto_example_{path.replace('/', '_')[:-3]}", EXAMPLES / path)
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found
