"""Options of core's tests."""

from hypothesis import settings

# The same examples in every run: a gate that fails by chance says nothing about the change it judges.
settings.register_profile("gates", derandomize=True)
settings.load_profile("gates")


def pytest_addoption(parser):
    try:
        parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
    except ValueError:  # another package's conftest has it
        return
