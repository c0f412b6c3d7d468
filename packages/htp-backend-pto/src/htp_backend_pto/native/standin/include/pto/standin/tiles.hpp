// Tiles: a type says memory, element type, physical shape and form; a value says where it lies and how much is valid.
// Interface facts: hw-native-sys/pto-isa@cd4a3d3, include/pto/common/pto_tile.hpp.
//
// Forms: ND (row major), DN (column major), NZ (ColMajor of row-major fractals), ZN (RowMajor of column-major ones),
// ZZ (RowMajor of row-major ones). A fractal of 512 bytes is 16 x 32 bytes; of 1024 bytes (accumulators) 16 x 16.
#pragma once
#include <type_traits>

#include "core.hpp"
#include "numbers.hpp"

namespace pto {

namespace standin {

template <TileType Loc> constexpr Space space_of() {
    switch (Loc) {
        case TileType::Vec:
            return Space::Ub;
        case TileType::Mat:
            return Space::L1;
        case TileType::Left:
            return Space::L0a;
        case TileType::Right:
            return Space::L0b;
        case TileType::Acc:
            return Space::L0c;
        case TileType::Bias:
            return Space::Bias;
        default:
            return Space::Fbuf;
    }
}

// Rows (or columns) of one fractal: 16 along one axis, 32 bytes along the other; 16 x 16 for accumulators.
constexpr int fractal_extent(SLayout box, SLayout long_axis, int fractal_bytes, int element_bytes) {
    if (box == SLayout::NoneBox) return 1;
    if (fractal_bytes == 1024) return 16;
    if (fractal_bytes == 32) return box == long_axis ? 2 : 16;
    return box == long_axis ? 32 / element_bytes : 16;
}

}  // namespace standin

template <TileType Loc_, typename Element_, int Rows_, int Cols_, BLayout BFractal_ = BLayout::RowMajor,
          int RowValid_ = Rows_, int ColValid_ = Cols_, SLayout SFractal_ = SLayout::NoneBox, int SFractalSize_ = 512,
          PadValue PadVal_ = PadValue::Null, CompactMode Compact_ = CompactMode::Null>
struct Tile {
    using DType = Element_;
    using TileDType = DType*;
    static constexpr TileType Loc = Loc_;
    static constexpr standin::Space space = standin::space_of<Loc_>();
    static constexpr int Rows = Rows_, Cols = Cols_, ValidRow = RowValid_, ValidCol = ColValid_;
    static constexpr int Numel = Rows_ * Cols_;
    static constexpr BLayout BFractal = BFractal_;
    static constexpr SLayout SFractal = SFractal_;
    static constexpr int SFractalSize = SFractalSize_;
    static constexpr PadValue PadVal = PadVal_;
    static constexpr bool isRowMajor = BFractal_ == BLayout::RowMajor;
    static constexpr bool isBoxedLayout = SFractal_ != SLayout::NoneBox;
    static constexpr int InnerRows =
        standin::fractal_extent(SFractal_, SLayout::ColMajor, SFractalSize_, sizeof(Element_));
    static constexpr int InnerCols =
        standin::fractal_extent(SFractal_, SLayout::RowMajor, SFractalSize_, sizeof(Element_));
    static constexpr int RowStride =
        isBoxedLayout ? (isRowMajor ? Cols * InnerRows : InnerCols) : (isRowMajor ? Cols : 1);
    static constexpr int ColStride =
        isBoxedLayout ? (isRowMajor ? InnerRows : Rows * InnerCols) : (isRowMajor ? 1 : Rows);

    static_assert(Rows_ > 0 && Cols_ > 0 && RowValid_ <= Rows_ && ColValid_ <= Cols_,
                  "tile: valid shape beyond the tile");
    static_assert(isBoxedLayout || (isRowMajor ? Cols_ : Rows_) * sizeof(Element_) % 32 == 0,
                  "tile: the contiguous axis must be a multiple of 32 bytes");
    static_assert(!isBoxedLayout || Rows_ == 1 || Loc_ == TileType::Vec || Rows_ % InnerRows == 0,
                  "tile: rows must be whole fractals");
    static_assert(!isBoxedLayout || Cols_ % InnerCols == 0, "tile: columns must be whole fractals");

    Tile() = default;
    template <int R = RowValid_, int C = ColValid_, typename = std::enable_if_t<R == DYNAMIC && C == DYNAMIC>>
    Tile(unsigned rows, unsigned cols) : rows_(rows), cols_(cols) {
        check_valid();
    }
    template <int R = RowValid_, int C = ColValid_, typename = std::enable_if_t<(R == DYNAMIC) != (C == DYNAMIC)>>
    Tile(unsigned extent) {
        (RowValid_ == DYNAMIC ? rows_ : cols_) = extent;
        check_valid();
    }

    unsigned GetValidRow() const { return RowValid_ == DYNAMIC ? rows_ : unsigned(RowValid_); }
    unsigned GetValidCol() const { return ColValid_ == DYNAMIC ? cols_ : unsigned(ColValid_); }
    void SetValidRow(unsigned rows) {
        static_assert(RowValid_ == DYNAMIC, "SetValidRow: the valid rows of this tile are static");
        rows_ = rows;
        check_valid();
    }
    void SetValidCol(unsigned cols) {
        static_assert(ColValid_ == DYNAMIC, "SetValidCol: the valid columns of this tile are static");
        cols_ = cols;
        check_valid();
    }
    void SetValidShape(unsigned rows, unsigned cols) {
        SetValidRow(rows);
        SetValidCol(cols);
    }
    bool GetKAligned() const { return k_aligned_; }
    void SetKAligned(bool aligned) { k_aligned_ = aligned; }

    TileDType& data() { return data_; }
    const TileDType& data() const { return data_; }

    // Scalar access: runs on the scalar pipe, so it needs flags like any other instruction.
    DType GetValue(uint32_t offset) const;
    void SetValue(uint32_t offset, DType value);

    static constexpr int64_t offset(int64_t row, int64_t col) {
        if constexpr (!isBoxedLayout) {
            return isRowMajor ? row * Cols + col : col * Rows + row;
        } else {
            int64_t box_row = row / InnerRows, box_col = col / InnerCols;
            int64_t box = isRowMajor ? box_row * (Cols / InnerCols) + box_col : box_col * (Rows / InnerRows) + box_row;
            int64_t r = row % InnerRows, c = col % InnerCols;
            return box * (InnerRows * InnerCols) +
                   (SFractal == SLayout::RowMajor ? r * InnerCols + c : c * InnerRows + r);
        }
    }
    DType& at(int64_t row, int64_t col) { return data_[offset(row, col)]; }
    const DType& at(int64_t row, int64_t col) const { return data_[offset(row, col)]; }

    void place(uint64_t address) {
        address_ = address;
        data_ = reinterpret_cast<DType*>(standin::core().base(space) + address);
    }
    uint64_t address() const {
        if (data_ == nullptr) standin::core().stop("tile-unplaced", "", "a tile is used that no TASSIGN has placed");
        return uint64_t(reinterpret_cast<const uint8_t*>(data_) - standin::core().base(space));
    }

private:
    void check_valid() const {
        if (rows_ > unsigned(Rows_) || cols_ > unsigned(Cols_))
            standin::core().stop("valid-shape", "Tile", "the valid shape is larger than the tile");
        if (rows_ == 0 || cols_ == 0)
            standin::core().stop("zero-valid-shape", "Tile", "the valid shape is empty; the NPU does not accept that");
    }

    TileDType data_ = nullptr;
    uint64_t address_ = 0;
    unsigned rows_ = RowValid_ == DYNAMIC ? unsigned(Rows_) : unsigned(RowValid_);
    unsigned cols_ = ColValid_ == DYNAMIC ? unsigned(Cols_) : unsigned(ColValid_);
    bool k_aligned_ = false;
};

// On the NPU (A2/A3) the left operand is ZZ; the host simulators, this one too, keep it NZ. Kernels use the alias.
template <typename T, int R, int C, int RV = R, int CV = C> using TileLeft =
    Tile<TileType::Left, T, R, C, BLayout::ColMajor, RV, CV, SLayout::RowMajor, 512>;
template <typename T, int R, int C, int RV = R, int CV = C> using TileRight =
    Tile<TileType::Right, T, R, C, BLayout::RowMajor, RV, CV, SLayout::ColMajor, 512>;
template <typename T, int R, int C, int RV = R, int CV = C> using TileAcc =
    Tile<TileType::Acc, T, R, C, BLayout::ColMajor, RV, CV, SLayout::RowMajor, 1024>;
template <typename T, int R, int C, int RV = R, int CV = C> using TileLeftCompact = TileLeft<T, R, C, RV, CV>;
template <typename T, int R, int C, int RV = R, int CV = C> using TileRightCompact = TileRight<T, R, C, RV, CV>;
template <typename T, int R, int C, int RV = R, int CV = C> using TileAccCompact = TileAcc<T, R, C, RV, CV>;

template <typename T> struct is_tile : std::false_type {};
template <TileType L, typename E, int R, int C, BLayout B, int RV, int CV, SLayout S, int F, PadValue P, CompactMode K>
struct is_tile<Tile<L, E, R, C, B, RV, CV, S, F, P, K>> : std::true_type {};
template <typename T> inline constexpr bool is_tile_data_v =
    is_tile<std::remove_cv_t<std::remove_reference_t<T>>>::value;

namespace standin {

// The bytes of `rows` x `cols` elements from (row, col). In boxed forms they are runs of one line of a fractal; whole
// fractals side by side are one access, and so are the lines of fractals that lie one after the other.
template <typename T> void add_window(Instruction& instruction, const T& tile, Mode mode, uint8_t operand, int64_t row,
                                      int64_t col, int64_t rows, int64_t cols) {
    constexpr int64_t E = sizeof(typename T::DType);
    const int64_t base = int64_t(tile.address());
    instruction.extents.push_back({T::space, mode, rows, cols, E});
    auto add = [&](int64_t from, int64_t outer, int64_t outer_stride, int64_t inner, int64_t inner_stride,
                   int64_t bytes) {
        instruction.add({T::space, mode, operand, uint64_t(base + from * E), uint64_t(outer),
                         uint64_t(outer_stride * E), uint64_t(inner), uint64_t(inner_stride * E), uint64_t(bytes * E)});
    };
    if constexpr (!T::isBoxedLayout) {
        if (T::isRowMajor) add(T::offset(row, col), 1, 0, rows, T::Cols, cols);
        else add(T::offset(row, col), 1, 0, cols, T::Rows, rows);
    } else {
        constexpr bool by_rows = T::SFractal == SLayout::RowMajor;
        constexpr int64_t chunk = by_rows ? T::InnerCols : T::InnerRows;  // elements of one line of a fractal
        constexpr int64_t lines = by_rows ? T::InnerRows : T::InnerCols;  // lines of one fractal
        constexpr bool joined = by_rows != T::isRowMajor;                 // NZ, ZN: all lines of a column lie together
        const int64_t first = by_rows ? row : col, count = by_rows ? rows : cols;
        const int64_t along = by_rows ? col : row, extent = by_rows ? cols : rows;
        auto at = [&](int64_t line, int64_t element) {
            return by_rows ? T::offset(line, element) : T::offset(element, line);
        };
        for (int64_t line = first; line < first + count;) {
            int64_t here = joined ? count : lines - line % lines;
            if (here > first + count - line) here = first + count - line;
            for (int64_t done = 0; done < extent;) {
                int64_t part = chunk - (along + done) % chunk;
                if (part > extent - done) part = extent - done;
                int64_t whole = part == chunk ? (extent - done) / chunk : 1;
                int64_t step = whole > 1 ? at(line, along + done + chunk) - at(line, along + done) : 0;
                add(at(line, along + done), whole, step, here, chunk, part);
                done += part * whole;
            }
            line += here;
        }
    }
}

template <typename T> void add_tile(Instruction& instruction, const T& tile, Mode mode, uint8_t operand) {
    add_window(instruction, tile, mode, operand, 0, 0, tile.GetValidRow(), tile.GetValidCol());
}

// The whole of a scratch tile belongs to the instruction; what was in it is lost.
template <typename T> void add_scratch(Instruction& instruction, const T& tile, uint8_t operand) {
    instruction.add(
        {T::space, Mode::Scratch, operand, tile.address(), 1, 0, 1, 0, T::Numel * sizeof(typename T::DType)});
}

}  // namespace standin

template <TileType L, typename E, int R, int C, BLayout B, int RV, int CV, SLayout S, int F, PadValue P, CompactMode K>
E Tile<L, E, R, C, B, RV, CV, S, F, P, K>::GetValue(uint32_t offset) const {
    standin::Instruction instruction("GetValue", PIPE_S);
    instruction.add({space, standin::Mode::Read, 0, address() + offset * sizeof(E), 1, 0, 1, 0, sizeof(E)});
    standin::core().issue(instruction);
    return data_[offset];
}

template <TileType L, typename E, int R, int C, BLayout B, int RV, int CV, SLayout S, int F, PadValue P, CompactMode K>
void Tile<L, E, R, C, B, RV, CV, S, F, P, K>::SetValue(uint32_t offset, E value) {
    standin::Instruction instruction("SetValue", PIPE_S);
    instruction.add({space, standin::Mode::Write, 0, address() + offset * sizeof(E), 1, 0, 1, 0, sizeof(E)});
    standin::core().issue(instruction);
    data_[offset] = value;
}

}  // namespace pto
