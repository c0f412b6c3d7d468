"""Patches of an image as a function: the image is a second tile where the first one lies, and registers say the rest.

Source: hw-native-sys/pto-isa@cd4a3d3f, include/pto/common/pto_tile.hpp (`ConvTile`) and
tests/npu/a2a3/src/st/testcase/timg2col.
"""

from __future__ import annotations

__all__ = ["IMG2COL"]

IMG2COL = """\
template <int Height, int Width, int FilterH, int FilterW, int StrideH, int StrideW, int DilationH, int DilationW,
          int Top, int Bottom, int Left, int Right, typename D, typename X>
static inline __aicore__ __attribute__((always_inline)) void img2col(D &dst, X &x, uint64_t at, int64_t a, int64_t b) {
    using T = typename X::DType;
    constexpr int block = 32 / sizeof(T), blocks = X::Cols / block;
    ConvTile<TileType::Mat, T, Height * Width * X::Cols, Layout::NC1HWC0,
             pto::ConvTileShape<1, blocks, Height, Width, block>> image;
    TASSIGN(image, at);
    const uint8_t edges[4] = {Left, Right, Top, Bottom};
    image.SetPadListArray(edges);
    image.SetFmapH(Height);
    image.SetFmapW(Width);
    image.SetFilterH(FilterH);
    image.SetFilterW(FilterW);
    image.SetStrideH(StrideH);
    image.SetStrideW(StrideW);
    image.SetDilationH(DilationH);
    image.SetDilationW(DilationW);
    image.SetChannelSize(x.GetValidCol());
    SETFMATRIX(image);
    SET_IMG2COL_RPT(image);
    SET_IMG2COL_PADDING(image);
    TIMG2COL(dst, image, a, b);
}"""
