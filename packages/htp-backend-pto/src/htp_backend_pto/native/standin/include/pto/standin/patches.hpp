// Patches of an image as rows of a left operand, and the images that they are taken from. Registers that the machine
// reads beside an image are set by instructions of their own, which change nothing here but must have been given.
#pragma once
#include "operands.hpp"

namespace pto {

// N images of C1 blocks of H x W pixels of C0 channels.
template <int N, int C1, int H, int W, int C0> struct ConvTileShape {
    static constexpr int blocks = C1, height = H, width = W, channels = C0;
    static_assert(N == 1, "ConvTileShape: one image");
};

template <TileType Loc_, typename Element_, int Size_, Layout Layout_, typename Shape_> struct ConvTile {
    using DType = Element_;
    using Shape = Shape_;
    static constexpr TileType Loc = Loc_;
    static_assert(Loc_ == TileType::Mat && Layout_ == Layout::NC1HWC0, "ConvTile: images lie in L1 as NC1HWC0");
    static_assert(Shape_::channels * sizeof(Element_) == 32, "ConvTile: a block of channels is 32 bytes");
    static_assert(Size_ >= Shape_::blocks * Shape_::height * Shape_::width * Shape_::channels, "ConvTile: size");

    void SetFmapH(uint16_t value) { fmap_height = value; }
    void SetFmapW(uint16_t value) { fmap_width = value; }
    void SetFilterH(uint16_t value) { filter_height = value; }
    void SetFilterW(uint16_t value) { filter_width = value; }
    void SetStrideH(uint8_t value) { stride_height = value; }
    void SetStrideW(uint8_t value) { stride_width = value; }
    void SetDilationH(uint8_t value) { dilation_height = value; }
    void SetDilationW(uint8_t value) { dilation_width = value; }
    void SetPadListArray(const uint8_t (&values)[4]) {
        left = values[0], right = values[1], top = values[2], bottom = values[3];
    }
    void SetPadValue(DType value) { pad = value; }
    void SetChannelSize(uint16_t value) { channels = value; }

    void place(uint64_t address) {
        data_ = reinterpret_cast<DType*>(standin::core().base(standin::Space::L1) + address);
    }
    const DType* data() const {
        if (data_ == nullptr) standin::core().stop("tile-unplaced", "", "an image is used that no TASSIGN has placed");
        return data_;
    }

    int64_t fmap_height = 0, fmap_width = 0, filter_height = 1, filter_width = 1, stride_height = 1, stride_width = 1;
    int64_t dilation_height = 1, dilation_width = 1, left = 0, right = 0, top = 0, bottom = 0, channels = 0;
    DType pad = DType(0);
    bool sized = false, padded = false;

private:
    DType* data_ = nullptr;
};

template <typename X> RecordEvent SETFMATRIX(X& image) {
    if (image.fmap_height != X::Shape::height || image.fmap_width != X::Shape::width)
        standin::core().broken("image-size", "SETFMATRIX", "the size that is set is not the image's");
    image.sized = true;
    return {};
}
template <typename X> RecordEvent SET_IMG2COL_RPT(X&) { return {}; }
template <typename X> RecordEvent SET_IMG2COL_PADDING(X& image) {
    image.padded = true;
    return {};
}

template <typename D, typename X> RecordEvent TIMG2COL(D& d, X& image, uint16_t row = 0, uint16_t col = 0) {
    using S = typename X::Shape;
    static_assert(D::Loc == TileType::Left && std::is_same_v<typename D::DType, typename X::DType>,
                  "TIMG2COL: an image to a left operand of its type");
    if (!image.sized || !image.padded)
        standin::core().broken("image-unset", "TIMG2COL", "SETFMATRIX and SET_IMG2COL_PADDING come before");
    const int64_t high = image.dilation_height * (image.filter_height - 1) + 1;
    const int64_t wide = image.dilation_width * (image.filter_width - 1) + 1;
    const int64_t down = (S::height + image.top + image.bottom - high) / image.stride_height + 1;
    const int64_t across = (S::width + image.left + image.right - wide) / image.stride_width + 1;
    const int64_t places = image.filter_height * image.filter_width, rows = d.GetValidRow(), cols = d.GetValidCol();
    const int64_t used = (image.channels + S::channels - 1) / S::channels;
    if (row + rows > down * across || col + cols > places * used * S::channels || used > S::blocks)
        standin::core().stop("valid-shape", "TIMG2COL", "the window does not lie inside the patches");
    if (col % S::channels != 0) standin::core().broken("patch-column", "TIMG2COL", "it begins within a block");
    const int64_t pixels = int64_t(S::height) * S::width;
    standin::Instruction instruction("TIMG2COL", PIPE_MTE1);
    const uint8_t* memory = standin::core().base(standin::Space::L1);
    const auto start = uint64_t(reinterpret_cast<const uint8_t*>(image.data()) - memory);
    instruction.extents.push_back(
        {standin::Space::L1, standin::Mode::Read, pixels, used * S::channels, sizeof(typename X::DType)});
    instruction.add({standin::Space::L1, standin::Mode::Read, 1, start, 1, 0, 1, 0, uint64_t(used * pixels * 32)});
    standin::add_tile(instruction, d, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) {
            const int64_t k = col + c, block = k / (places * S::channels), place = k / S::channels % places;
            const int64_t y = (row + r) / across * image.stride_height - image.top +
                              place / image.filter_width * image.dilation_height;
            const int64_t x = (row + r) % across * image.stride_width - image.left +
                              place % image.filter_width * image.dilation_width;
            const bool inside = y >= 0 && y < S::height && x >= 0 && x < S::width;
            const int64_t at = (block * pixels + y * S::width + x) * S::channels + k % S::channels;
            d.at(r, c) = inside ? image.data()[at] : image.pad;
        }
    return {};
}

}  // namespace pto
