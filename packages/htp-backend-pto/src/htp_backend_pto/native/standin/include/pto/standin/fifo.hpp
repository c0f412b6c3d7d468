// Cube-vector FIFOs within a cluster: TPipe, TPUSH, TPOP, TFREE. A slot holds one tile of the producer, row by row.
//
// Cube to vector: the cube pushes, both vector cores pop; split up-down gives each half of the rows, split left-right
// half of the columns; without a split only the first vector core pops. Vector to cube: the other way round.
// The popped tile lies in the consumer's own ring of LocalSlotNum slots.
// Interface facts: hw-native-sys/pto-isa@cd4a3d3, include/pto/common/fifo.hpp and include/pto/npu/a2a3/TPush.hpp.
#pragma once
#include "operands.hpp"

namespace pto {

template <uint8_t FlagID, uint8_t DirType, uint32_t SlotSize, uint32_t SlotNum, uint32_t LocalSlotNum = 2,
          bool IsNoSplit = false, bool UnitFlag = false>
struct TPipe {
    static constexpr int id = FlagID;
    static constexpr bool is_c2v = (DirType & DIR_C2V) != 0, is_v2c = (DirType & DIR_V2C) != 0;
    static constexpr uint32_t slot_size = SlotSize, slot_num = SlotNum, local_slots = LocalSlotNum;

    struct End {
        int tileIndex = 0;
        int entryOffset = 0;
        void setEntryOffset(int offset) { entryOffset = offset; }
        void setentryOffset(int offset) { entryOffset = offset; }  // the spelling of the CPU simulator
    };
    struct Ring {
        void* GM_SLOT_BUFFER;
        uint32_t C2V_CONSUMER_BUF, V2C_CONSUMER_BUF;
    };
    End prod, cons;
    Ring fifo;

    TPipe(void* slots, uint32_t c2v, uint32_t v2c) : fifo{slots, c2v, v2c} {
        if (slots == nullptr) return;
        standin::Instruction instruction("TPipe", PIPE_S);
        instruction.add({standin::Space::Gm, standin::Mode::Scratch, 0, reinterpret_cast<uint64_t>(slots), 1, 0, 1, 0,
                         uint64_t(SlotSize) * SlotNum});
        standin::core().issue(instruction);
    }
};

namespace standin {

constexpr bool halves(TileSplitAxis split) { return split != TILE_NO_SPLIT; }

// Where element (row, col) of one core's part lies in a slot, in elements.
template <typename T, TileSplitAxis Split> int64_t slot_offset(int64_t row, int64_t col, int lane) {
    const int64_t width = Split == TILE_LEFT_RIGHT || Split == TILE_LEFT_RIGHT_ODD ? 2 * T::Cols : T::Cols;
    if (Split == TILE_UP_DOWN || Split == TILE_UP_DOWN_ODD) row += lane * T::Rows;
    if (Split == TILE_LEFT_RIGHT || Split == TILE_LEFT_RIGHT_ODD) col += lane * T::Cols;
    return row * width + col;
}

// The side of a FIFO this tile is on: the cube's tiles are whole, the vector cores' may be halves.
template <TileSplitAxis Split> int lane_of() { return core().cube() || !halves(Split) ? 0 : core().sub_block(); }

// Stops where a tile of which the first byte lies `offset` behind the slot's does not lie within the slot.
template <typename P, typename T, TileSplitAxis Split> void check_slot(const T& tile, int offset, const char* name) {
    constexpr int64_t bytes = sizeof(typename T::DType);
    const int lane = lane_of<Split>();
    const int64_t first = offset + slot_offset<T, Split>(0, 0, lane) * bytes;
    const int64_t last = offset + slot_offset<T, Split>(tile.GetValidRow() - 1, tile.GetValidCol() - 1, lane) * bytes;
    if (first < 0 || last + bytes > int64_t(P::slot_size))
        core().stop("fifo-slot", name, "the tile lies outside of the slot, or is larger");
}

}  // namespace standin

template <typename P, typename T, TileSplitAxis Split> RecordEvent TPUSH(P& pipe, T& tile) {
    const bool from_cube = standin::core().cube();
    const int direction = from_cube ? DIR_C2V : DIR_V2C;
    if (from_cube ? !P::is_c2v : !P::is_v2c)
        standin::core().stop("fifo-direction", "TPUSH", "this core does not produce into the FIFO");
    standin::check_slot<P, T, Split>(tile, pipe.prod.entryOffset, "TPUSH");
    const uint32_t others = standin::halves(Split) ? 2 : 1;
    uint8_t* slot = standin::core().fifo_push(P::id, direction, P::slot_size, P::slot_num, others);
    standin::Instruction instruction("TPUSH", from_cube ? PIPE_FIX : PIPE_MTE3);
    standin::add_tile(instruction, tile, standin::Mode::Read, 1);
    standin::core().issue(instruction);
    auto* data = reinterpret_cast<typename T::DType*>(slot + pipe.prod.entryOffset);
    for (int64_t r = 0; r < tile.GetValidRow(); ++r)
        for (int64_t c = 0; c < tile.GetValidCol(); ++c) {
            int64_t at = from_cube ? r * T::Cols + c : standin::slot_offset<T, Split>(r, c, standin::lane_of<Split>());
            data[at] = tile.at(r, c);
        }
    standin::core().fifo_pushed(P::id, direction);
    ++pipe.prod.tileIndex;
    return {};
}

template <typename P, typename T, TileSplitAxis Split> RecordEvent TPOP(P& pipe, T& tile) {
    const bool to_cube = standin::core().cube();
    const int direction = to_cube ? DIR_V2C : DIR_C2V;
    if (to_cube ? !P::is_v2c : !P::is_c2v)
        standin::core().stop("fifo-direction", "TPOP", "this core does not consume from the FIFO");
    if (!to_cube && !standin::halves(Split) && standin::core().sub_block() != 0) return {};
    standin::check_slot<P, T, Split>(tile, pipe.cons.entryOffset, "TPOP");
    const uint8_t* slot = standin::core().fifo_pop(P::id, direction, P::slot_size, P::slot_num);
    tile.place(uint64_t(to_cube ? pipe.fifo.V2C_CONSUMER_BUF : pipe.fifo.C2V_CONSUMER_BUF) +
               uint64_t(pipe.cons.tileIndex) % P::local_slots * P::slot_size);
    standin::Instruction instruction("TPOP", PIPE_MTE2);
    standin::add_tile(instruction, tile, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    const auto* data = reinterpret_cast<const typename T::DType*>(slot + pipe.cons.entryOffset);
    for (int64_t r = 0; r < tile.GetValidRow(); ++r)
        for (int64_t c = 0; c < tile.GetValidCol(); ++c) {
            int64_t at = to_cube ? r * T::Cols + c : standin::slot_offset<T, Split>(r, c, standin::lane_of<Split>());
            tile.at(r, c) = data[at];
        }
    ++pipe.cons.tileIndex;
    return {};
}

template <typename P, TileSplitAxis Split> RecordEvent TFREE(P&) {
    const bool to_cube = standin::core().cube();
    if (!to_cube && !standin::halves(Split) && standin::core().sub_block() != 0) return {};
    standin::core().fifo_free(P::id, to_cube ? DIR_V2C : DIR_C2V);
    return {};
}

}  // namespace pto
