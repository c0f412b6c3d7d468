"""Bytes of global memory that every task of a program loads and stores, against counts that are worked out by hand."""

from collections import Counter

import numpy as np
import pytest
from differential_programs import case
from test_silent import online

import htp

BLOCK = 64
"""Queries and keys of one block."""


@pytest.fixture(autouse=True)
def unverified(monkeypatch):
    """The passes are held to their promises on these programs by other tests, which takes most of the time."""
    monkeypatch.setenv("HTP_VERIFY", "")


def tasks_of(definition, tmp_path, inputs, outputs, dims=None, schedule=None):
    """How many tasks of each kernel loaded and stored so many bytes, as the stand-in counted them."""
    package = htp.compile_program(
        definition, target="pto:a2a3sim", dims=dims or {}, schedule=schedule, out=str(tmp_path / "package")
    )
    report = htp.bind(package, mode="sim").report(*inputs, *outputs)
    assert report.diagnostics == ()
    return Counter((*each.kernels, each.loaded, each.stored) for each in report.tasks if each.loaded + each.stored)


def tasks_of_case(name, tmp_path):
    chosen = case(name)
    return tasks_of(chosen.definition, tmp_path, chosen.inputs, chosen.outputs, chosen.dims, chosen.schedule)


def blocks(size, step=BLOCK):
    return [min(step, size - start) for start in range(0, size, step)]


def recurrence(names, r, n, D, *, half):
    """One block of n keys for r queries: scores, weights, products and the mean so far; what is f16 takes `half`."""
    scores, state, mean = 4 * r * n, 4 * r, 4 * r * D
    first, second, third, fourth = names
    yield first, half * (r + n) * D, scores
    yield second, scores + 2 * state, half * r * n + 3 * state  # weights; the largest, how it shrinks, the sum
    yield third, half * (r * n + n * D), mean
    yield fourth, 2 * mean + state, mean


def test_attention_hands_on_scores_weights_and_the_state_between_the_units(tmp_path):
    S, D = 70, 16
    wanted = Counter()
    for number, r in enumerate(blocks(S)):
        wanted["attention_0", 4 * r * D, 4 * (2 * r * D + 2 * r)] += 1  # scaled queries; the state of no keys
        for n in blocks(S)[: number + 1]:
            wanted.update(recurrence([f"attention_{each}" for each in (1, 2, 3, 4)], r, n, D, half=4))
        wanted["attention_5", 4 * (r * D + r), 4 * r * D] += 1
    assert tasks_of_case("attention", tmp_path) == wanted


def test_an_online_softmax_in_one_kernel_keeps_its_state_on_the_chip(tmp_path):
    """A loop of one unit stays in its kernel: rows are read once, and nothing but the result is written."""
    x = np.ones((19, 70), "f4")
    found = tasks_of(online, tmp_path, (x,), (np.empty((19, 1), "f4"),))
    assert found == Counter(("online_0", 4 * r * 70, 4 * r) for r in (16, 3))


def test_an_online_softmax_of_tasks_hands_on_two_columns(tmp_path):
    M, V = 20, 200
    wanted = Counter()
    for r in blocks(M, 8):
        wanted["start", 0, 4 * 2 * r] += 1
        for n in blocks(V):
            wanted["include", 4 * (r * n + 2 * r), 4 * 2 * r] += 1
            wanted["scale", 4 * (r * n + 2 * r), 4 * r * n] += 1
    assert tasks_of_case("softmax_vocab", tmp_path) == wanted


def test_paged_decode_reads_a_page_of_keys_and_one_of_values_once(tmp_path):
    m, page, D, G = 4, 16, 64, 2
    state, mean = 4 * m, 4 * m * D
    lengths, most = (17, 64, 130, 1), 4
    pages = sum(-(-each // page) for each in lengths)
    pieces = sum(-(-each // (most * page)) for each in lengths)
    wanted = Counter(
        {
            ("start", 0, 2 * state + mean): G * (pieces + len(lengths)),
            ("merge", 2 * (2 * state + mean), 2 * state + mean): G * pieces,
            ("finish", state + mean, 2 * m * D): G * len(lengths),
        }
    )
    for each in recurrence([f"attend_{number}" for number in range(4)], m, page, D, half=2):
        wanted[each] = G * pages
    assert tasks_of_case("paged_decode", tmp_path) == wanted


def test_experts_read_their_tokens_and_weights_once_a_tile(tmp_path):
    T, H, F, E = 20, 32, 48, 4
    x, router = (each.astype("f8") for each in case("moe").inputs[:2])
    counts = np.bincount(np.argsort(-(x @ router), axis=1)[:, :2].ravel(), minlength=E)
    wanted = Counter({("group", 4 * 2 * T, 4 * (4 * T + E + 1 + E)): 1})
    for m in blocks(T, 16):
        wanted["route_0", 2 * (m * H + H * E), 4 * m * E] += 1
        wanted["route_1", 4 * m * E, 4 * 2 * m + 4 * 2 * m] += 1
        # Each expert's row of a token, its number and its share; a column of a wider array is read as two.
        wanted["gather", 4 * 2 * m * H + 2 * 4 * 2 * m + 2 * 4 * 2 * m, 2 * m * H] += 1
    for m in (m for count in counts for m in blocks(count, 16)):
        wanted["feed_forward_0", 4 * m + 2 * m * H, 2 * m * H] += 1
        wanted["feed_forward_1", 2 * m * H + 2 * 2 * H * F, 2 * 4 * m * F] += 1
        wanted["feed_forward_2", 2 * 4 * m * F, 2 * m * F] += 1
        wanted["feed_forward_3", 2 * m * F + 2 * F * H, 4 * m * H] += 1
    assert tasks_of_case("moe", tmp_path) == wanted


def llama(S, D, N, M, F, d):
    """The tasks of a Llama block: tiles of 32 positions, projected to 64 columns at a time."""
    wanted = Counter()
    for r in blocks(S, 32):
        wanted["normalize_rows", 2 * (r * D + D), 2 * r * D] += 2
        for columns in [n for size in (N, M, M, F, F) for n in blocks(size)]:
            wanted["project_tile", 2 * (r * D + D * columns), 2 * r * columns] += 1
        wanted["rotate_head", 2 * r * d + 2 * 4 * r * d // 2, 2 * r * d] += (N + M) // d
        for depth, kernel in ((N, "project_onto_tile_0"), (F, "project_onto_tile_2")):
            wanted[kernel, 2 * (r * depth + depth * D), 4 * r * D] += 1
        wanted["project_onto_tile_1", 2 * r * D + 4 * r * D, 2 * r * D] += 2  # what came in, and a product
        wanted["activate_tile", 2 * 2 * r * F, 2 * r * F] += 1
    for number, r in [*enumerate(blocks(S, 32))] * (N // d):
        state, mean = 4 * r, 4 * r * d
        wanted["start", 0, 2 * state + mean] += 1
        for n in blocks(S, 32)[:number]:
            wanted.update(recurrence([f"attend_{each}" for each in range(4)], r, n, d, half=2))
        *others, (_, loaded, _) = recurrence([f"attend_diagonal_{each}" for each in range(4)], r, r, d, half=2)
        for kernel, read, written in others:  # behind the last block nobody wants the largest
            wanted[kernel, read, written - (state if kernel.endswith("_1") else 0)] += 1
        wanted["attend_diagonal_3", loaded + state, 2 * r * d] += 1
    return wanted


def test_a_llama_block_adds_what_came_in_where_it_adds_it(tmp_path):
    """Rows that are only widened for a sum are not stored as wider ones first."""
    assert tasks_of_case("llama_block", tmp_path) == llama(S=40, D=64, N=64, M=32, F=96, d=16)
