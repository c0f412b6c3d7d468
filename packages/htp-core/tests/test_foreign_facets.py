"""What stands behind the dims and is no layout facet is refused where it is written."""

import pytest

from htp import In, Out, Tensor, f32, kernel
from htp.diagnostics import Refused


class Mine:
    """A class of the user's."""


MINE = Mine()


@kernel
def double(x: In[Tensor[f32, "N", MINE]], y: Out[Tensor[f32, "N"]]) -> None:
    """Twice x."""
    y[:] = x[:] * 2.0


def test_an_object_that_is_no_facet_is_refused():
    from htp.capture import capture
    from htp.uses import with_uses

    with pytest.raises(Refused) as caught:
        with_uses(capture(double))
    assert caught.value.code == "layout.not-a-facet"
    assert "`Mine` behind the dims of `x`" in caught.value.diagnostic.message
    assert caught.value.diagnostic.span.line == double.place.line + 1
