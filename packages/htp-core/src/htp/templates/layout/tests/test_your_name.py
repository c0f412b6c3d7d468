"""The layout: where NumPy would put the elements, what it refuses, and how programs see it."""

import numpy as np
import pytest

import htp
from htp import In, Out, Refused, Tensor, f32, kernel
from htp.strides import strided
from htp.testing import FacetConformance, PluginConformance
from htp_layout_your_name import Panels
from htp_layout_your_name.panels import to_strided


@kernel
def double(x: In[Tensor[f32, "M", "N", Panels(4)]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    y[:, :] = 2.0 * x


class TestPlugin(PluginConformance):
    subject = "your-name"


class TestPanels(FacetConformance):
    subject = Panels
    examples = ((Panels(1), (3, 5), 32), (Panels(4), (8, 3), 32), (Panels(4), (6, 5), 16), (Panels(6), (1, 1), 8))


def places(facet, shape):
    """Where the facet puts each element."""
    return {index: dict(place).get("m", 0) for index in np.ndindex(shape) for place in facet.coords(index, shape)}


@pytest.mark.parametrize("shape", [(8, 3), (6, 5), (1, 1), (0, 4)])
def test_elements_lie_where_numpy_packs_them(shape):
    rows, (height, width) = 4, shape
    panels = -(-height // rows)
    numbers = np.full((panels * rows, width), -1)
    numbers[:height] = np.arange(height * width).reshape(shape)
    memory = numbers.reshape(panels, rows, width).transpose(0, 2, 1).ravel()
    found = places(Panels(rows), shape)
    assert [memory[found[index]] for index in np.ndindex(shape)] == list(range(height * width))


def test_one_row_is_plain_and_more_are_not():
    assert to_strided(Panels(1)) == strided()
    assert places(Panels(1), (3, 5)) == places(strided(), (3, 5))
    with pytest.raises(Refused) as caught:
        to_strided(Panels(4))
    assert caught.value.code == "your-name.not-strided"


def test_a_vector_has_no_panels():
    assert [each.code for each in Panels(4).check((7,), bits=32)] == ["your-name.bad-panels"]


def test_a_kernel_runs_and_a_target_without_panels_refuses_it():
    x = np.ones((5, 3), np.float32)
    double(x, y := np.empty_like(x))
    assert (y == 2).all()
    with pytest.raises(Refused) as caught:
        htp.plan(double, target="cpu")
    assert "your-name" in str(caught.value)
