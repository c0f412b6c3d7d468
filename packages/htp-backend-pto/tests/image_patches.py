"""Patches of an image as rows, cut out of a padded image one by one."""

import numpy as np


def patches(x, height, width, filter_, *, block, stride=(1, 1), dilation=(1, 1), edges=(0, 0, 0, 0)):
    """`edges` are rows above and below, columns left and right."""
    image = np.pad(x.reshape(height, width, -1), (edges[:2], edges[2:], (0, 0)))
    reach = [far * (size - 1) + 1 for far, size in zip(dilation, filter_, strict=True)]
    corners = [range(0, size - far + 1, step) for size, far, step in zip(image.shape, reach, stride, strict=False)]
    made = []
    for top in corners[0]:
        for left in corners[1]:
            cut = image[top : top + reach[0] : dilation[0], left : left + reach[1] : dilation[1]]
            made.append(np.concatenate([cut[:, :, at : at + block].ravel() for at in range(0, cut.shape[2], block)]))
    return np.array(made)
