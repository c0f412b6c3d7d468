"""Philox-4x32 with Python's integers, as the paper writes it, and which word each element of a tile is."""

import numpy as np

KNOWN = {
    (7, "00000000 00000000 00000000 00000000", "00000000 00000000"): "5f6fb709 0d893f64 4f121f81 4f730a48",
    (7, "ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff"): "5207ddc2 45165e59 4d8ee751 8c52f662",
    (7, "243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0"): "4dfccaba 190a87f0 c47362ba b6b5242a",
    (10, "00000000 00000000 00000000 00000000", "00000000 00000000"): "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    (10, "ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff"): "408f276d 41c83b0e a20bc7c6 6d5451fd",
    (10, "243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0"): "d16cfe09 94fdcceb 5001e420 24126ea1",
}
"""Rounds, counter and key, and what they give: the known answers of Random123 1.09, kat_vectors."""


def words(text):
    return [int(each, 16) for each in text.split()]


def philox(rounds, counter, key):
    for _ in range(rounds):
        left, right = counter[0] * 0xD2511F53, counter[2] * 0xCD9E8D57
        counter = [
            (right >> 32) ^ counter[1] ^ key[0], right & 0xFFFFFFFF, (left >> 32) ^ counter[3] ^ key[1],
            left & 0xFFFFFFFF,
        ]  # fmt: skip
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


def tile(rounds, counter, key, rows, cols):
    """One word after the other: 64 counts give four times 64 columns."""
    made = np.zeros((rows, cols), np.uint32)
    number = sum(each << 32 * at for at, each in enumerate(counter))
    for row in range(rows):
        for start in range(0, cols, 256):
            for lane in range(min(64, cols - start)):
                at = number + lane
                four = philox(rounds, [at >> shift & 0xFFFFFFFF for shift in (0, 32, 64, 96)], key)
                for place, word in enumerate(four):
                    if start + 64 * place + lane < cols:
                        made[row, start + 64 * place + lane] = word
            number += cols // 4
    return made
