// Buffers that processes hand to each other without copying them: sending one gives it away.
// Knows how they lie in memory and in the slots of a channel; the channels themselves are `htp_link.hpp`'s.
//
// Every name of a buffer, and every slot that it lies in, holds it; whoever lets go last frees it. A name that was sent
// holds nothing. Two names of one buffer come only from looking twice at the same token: once one of them was sent, the
// token is no longer this process's, which `Block::channel` tells.
#pragma once
#include "htp_slots.hpp"

#include <new>
#include <utility>

namespace htp {

/// The payload of channels of buffers with elements of T.
template <class T> struct Owned {};

namespace streams {

/// What stands in front of the elements of a buffer: who holds it, which channel it was last sent on, and where.
struct alignas(64) Block {
    std::atomic<i64> holders{1};
    std::atomic<const Link*> channel{nullptr};
    std::atomic<const char*> sent{""};

    void* elements() { return this + 1; }
    static Block* make(const Context& cx, i64 bytes) {
        void* memory = ::operator new(sizeof(Block) + size_t(bytes), std::align_val_t(alignof(Block)), std::nothrow);
        if (!memory) htp::stop(cx, Failure::out_of_memory, "", "", bytes, 0);
        return new (memory) Block();
    }
    static void hold(Block* block) {
        if (block) block->holders.fetch_add(1, std::memory_order_relaxed);
    }
    static void let_go(Block* block) {
        if (!block || block->holders.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        block->~Block();
        ::operator delete(block, std::align_val_t(alignof(Block)));
    }
};

}  // namespace streams

/// A name of a buffer, which is a region as any other.
template <class T, int R> class Buffer : public Region<T, R> {
    using Block = streams::Block;

public:
    Buffer() : Region<T, R>{} {}
    template <class... D> static Buffer made(const Context& cx, D... sizes) {
        static_assert(sizeof...(D) == R, "one size for each axis");
        Block* block = Block::make(cx, bytes_of<T>(cx, (i64(1) * ... * i64(sizes))));
        return Buffer(htp::region(static_cast<T*>(block->elements()), sizes...), block);
    }
    Buffer(const Region<T, R>& region, Block* held) : Region<T, R>(region), block(held) {}
    Buffer(const Buffer& other) : Region<T, R>(other), block(other.block) { Block::hold(block); }
    Buffer(Buffer&& other) : Region<T, R>(other), block(other.release()) {}
    Buffer& operator=(Buffer other) {
        static_cast<Region<T, R>&>(*this) = other;
        std::swap(block, other.block);
        return *this;
    }
    ~Buffer() { Block::let_go(block); }

    /// What the name held, which it does no longer.
    Block* release() { return std::exchange(block, nullptr); }

private:
    Block* block = nullptr;
};

/// A slot has the time of its token, then the buffer and its sizes.
template <class T, int R> struct SlotOf<Owned<T>, R> {
    using Block = streams::Block;
    static constexpr bool owns = true;
    static i64 bytes(const Context&, i64) { return 8 * (2 + R); }

    static void fill(char* slot, Buffer<T, R>& buffer, const streams::Link& link, const char* place) {
        i64* sizes = reinterpret_cast<i64*>(slot) + 2;
        for (int axis = 0; axis < R; axis++) sizes[axis] = buffer.dim(axis);
        drop(slot);
        Block* block = held(slot) = buffer.release();
        block->sent.store(place, std::memory_order_relaxed), block->channel.store(&link, std::memory_order_relaxed);
    }
    static Buffer<T, R> token(const Context& cx, const streams::Link& link, const char* place) {
        char* slot = const_cast<char*>(link.in_hand());
        Block* block = held(slot);
        if (block->channel.load(std::memory_order_relaxed) != &link)
            stop(cx, Failure::buffer_moved, place, "", streams::line_of(block->sent.load(std::memory_order_relaxed)), 0);
        Region<T, R> region{static_cast<T*>(block->elements()), {}, {}};
        i64 stride = 1;
        for (int axis = R - 1; axis >= 0; axis--) {
            region.dims[axis] = size(slot, axis), region.strides[axis] = stride;
            stride *= region.dims[axis];
        }
        Block::hold(block);
        return Buffer<T, R>(region, block);
    }
    static i64 size(const char* slot, int axis) { return reinterpret_cast<const i64*>(slot)[2 + axis]; }
    /// Lets go of what lies in a slot that is used again, or no more.
    static void drop(char* slot) { Block::let_go(std::exchange(held(slot), nullptr)); }

private:
    static Block*& held(char* slot) { return reinterpret_cast<Block**>(slot)[1]; }
};

}  // namespace htp
