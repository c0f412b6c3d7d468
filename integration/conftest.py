"""Packages that several tests look at are compiled once for each worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import htp

if TYPE_CHECKING:
    from collections.abc import Callable

    from example_programs import Example

    from htp.artifact import Package


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Example], Package]:
    """Compiles an example for the CPU, once."""
    folder = tmp_path_factory.mktemp("packages")
    packages: dict[str, Package] = {}

    def compile_once(example: Example) -> Package:
        if example.entry not in packages:
            packages[example.entry] = htp.compile_program(
                example.definition, target="cpu", out=folder / example.entry
            )
        return packages[example.entry]

    return compile_once
