"""Sample sizes: several whole iterations and a tail for every loop, and nothing to choose where all is constant."""

from htp import In, Out, Scalar, Tensor, f32, i32, kernel
from htp.capture import capture
from htp_dialect_wsp import P, workload
from htp_dialect_wsp.compose import Compose
from htp_dialect_wsp.independence import proven
from htp_dialect_wsp.samples import sample_sizes


@kernel
def copy(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    y[:] = x[:]


@workload
def tiles(x: In[Tensor[f32, "M", "N + 1"]], y: Out[Tensor[f32, "M", "N + 1"]], n: Scalar[i32], by: Scalar[f32]) -> None:
    for i, _j in P(range(0, x.shape[0], 16), n):
        copy(x[i : i + 16], y[i : i + 16])


@workload
def constant(x: In[Tensor[f32, 32, 8]], y: Out[Tensor[f32, 32, 8]]) -> None:
    for i in P(range(0, 32, 16)):
        copy(x[i : i + 16], y[i : i + 16])


def samples(entry):
    program = Compose().apply(capture(entry))
    return sample_sizes(program.main, proven(program, program.main))


def test_sizes_and_whole_number_scalars_are_chosen_by_the_steps_they_bound():
    found = samples(tiles)
    assert all(set(each) == {"M", "N", "n"} for each in found)
    rows = [each["M"] for each in found]
    assert any(each > 32 and each % 16 for each in rows)
    assert any(each > 32 and each % 16 == 0 for each in rows)
    assert all(each["n"] > 1 for each in found)
    assert len({tuple(each.items()) for each in found}) == len(found)


def test_constant_sizes_leave_no_choice():
    assert samples(constant) == ({},)
