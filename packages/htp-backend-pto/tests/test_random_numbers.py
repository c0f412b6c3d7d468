"""Random numbers: published words, and tiles of them on the stand-in."""

import numpy as np
import philox
import pytest

import htp
from htp import Out, Scalar, Tensor, i32, i64, kernel, u32
from htp_backend_pto import pto


@kernel
def noise(
    seed: Scalar[i64], whole: Out[Tensor[u32, 16, 512]], signed: Out[Tensor[i32, 3, 72]], few: Out[Tensor[u32, 5, 10]]
) -> None:
    for i in range(0, 16, 8):
        whole[i : i + 8, :] = pto.random(seed, i * 256, 5, 8, 512)
    signed[:] = pto.random(0x299F31D0A4093822, seed, -1, 3, 72, dtype=i32, rounds=7)
    drawn = pto.random(seed, 1, 0, 5, 256)
    few[:] = drawn[:, 0:10]


@pytest.mark.parametrize("known", philox.KNOWN, ids=range(len(philox.KNOWN)))
def test_published_words(known):
    rounds, counter, key = known
    wanted = philox.words(philox.KNOWN[known])
    counter, key = philox.words(counter), philox.words(key)
    assert philox.philox(rounds, counter, key) == wanted
    one, two, three = (
        (low | high << 32) - (high >> 31 << 64) for low, high in (counter[:2], counter[2:], key)
    )  # as numbers with a sign
    found = np.asarray(pto.random(three, one, two, 1, 256, rounds=rounds))
    assert found[0, ::64].tolist() == wanted


@pytest.mark.parametrize("seed", [0, -12345678901])
def test_tiles_on_the_stand_in(tmp_path, seed):
    package = htp.compile_program(noise, target="pto:a2a3sim", out=tmp_path / "built")
    whole, signed = np.zeros((16, 512), np.uint32), np.zeros((3, 72), np.int32)
    few = np.zeros((5, 10), np.uint32)
    htp.bind(package, mode="sim")(seed, whole, signed, few)
    low, high = seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF
    for i in (0, 8):
        np.testing.assert_array_equal(whole[i : i + 8], philox.tile(10, [i * 256, 0, 5, 0], [low, high], 8, 512))
    counter = [low, high, 0xFFFFFFFF, 0xFFFFFFFF]
    wanted = philox.tile(7, counter, [0xA4093822, 0x299F31D0], 3, 72)
    np.testing.assert_array_equal(signed.view(np.uint32), wanted)
    np.testing.assert_array_equal(few, philox.tile(10, [1, 0, 0, 0], [low, high], 5, 256)[:, :10])
    assert len(np.unique(whole)) > 16 * 512 - 5  # no count comes twice
