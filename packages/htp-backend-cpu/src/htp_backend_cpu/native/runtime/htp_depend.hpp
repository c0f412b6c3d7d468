// Dependences: which earlier tasks a task must wait for, derived from the boxes of the arrays that tasks touch.
// Knows boxes and the numbers of tasks; does not know what tasks are nor when they run.
//
// The rule, for tasks in program order: a read depends on every live write that it overlaps (RAW), a write on every live
// write (WAW) and read (WAR); then what a write covers is dead, and the accesses of the task are live.
#pragma once
#include "htp_task_table.hpp"

#include <algorithm>
#include <vector>

namespace htp {

namespace tasking {

/// Why a task comes after another; the bits of several reasons are joined.
enum Kind : unsigned { raw = 1, war = 2, waw = 4, after_tag = 8, in_stream = 16 };
struct Before { i64 task; unsigned kinds; };

inline bool same(const Box& one, const Box& other) {
    for (int d = 0; d < one.rank; d++)
        if (one.side[d].lo != other.side[d].lo || one.side[d].hi != other.side[d].hi) return false;
    return true;
}
inline bool overlap(const Box& one, const Box& other) {
    for (int d = 0; d < one.rank; d++)
        if (one.side[d].lo >= other.side[d].hi || other.side[d].lo >= one.side[d].hi) return false;
    return true;
}
inline bool covers(const Box& one, const Box& other) {
    for (int d = 0; d < one.rank; d++)
        if (one.side[d].lo > other.side[d].lo || one.side[d].hi < other.side[d].hi) return false;
    return true;
}

/// Live boxes, found by overlap. Boxes of one size class lie in a grid of cells of the next power of two, each in the
/// cell of its lower corner, so what overlaps a tile is in a few cells of each size class: equal tiles cost a constant.
class Index {
public:
    struct alignas(64) Entry {
        i64 task;
        i32 cell_before, cell_next, level_before, level_next;
        Mode mode;
        int level;
        u32 hash;  // of the cell
        Box box;
    };

    i64 size() const { return alive; }
    const Entry& operator[](i32 at) const { return entries[size_t(at)]; }

    void add(const Box& box, i64 task, Mode mode) {
        if (alive >= i64(heads.size())) grow();
        i32 at = i32(entries.size());
        if (free.empty()) entries.emplace_back();
        else at = free.back(), free.pop_back();
        Entry& entry = entries[size_t(at)];
        entry.box.rank = box.rank;
        for (int d = 0; d < box.rank; d++) entry.box.side[d] = box.side[d];
        entry.task = task, entry.mode = mode, entry.level = level_of(box);
        Level& level = levels[size_t(entry.level)];
        i64 cell[most_axes];
        for (int d = 0; d < box.rank; d++) {
            cell[d] = box.side[d].lo >> level.shift[d];
            level.crossed[d] |= cell[d] != (box.side[d].hi - 1) >> level.shift[d];
        }
        entry.hash = hash_of(entry.level, box.rank, cell);
        entry.level_before = none, entry.level_next = level.first;
        if (level.first != none) entries[size_t(level.first)].level_before = at;
        level.first = at, level.count++, alive++;
        hang(at);
    }

    void remove(i32 at) {
        Entry& entry = entries[size_t(at)];
        if (entry.cell_before != none) entries[size_t(entry.cell_before)].cell_next = entry.cell_next;
        else head(entry.hash) = entry.cell_next;
        if (entry.cell_next != none) entries[size_t(entry.cell_next)].cell_before = entry.cell_before;
        if (entry.level_before != none) entries[size_t(entry.level_before)].level_next = entry.level_next;
        else levels[size_t(entry.level)].first = entry.level_next;
        if (entry.level_next != none) entries[size_t(entry.level_next)].level_before = entry.level_before;
        levels[size_t(entry.level)].count--, alive--;
        entry.task = dead;
        free.push_back(at);
    }
    bool removed(i32 at) const { return entries[size_t(at)].task == dead; }

    /// The entry stands for another task on the same box.
    void renew(i32 at, i64 task, Mode mode) {
        Entry& entry = entries[size_t(at)];
        entry.mode = entry.task == task ? Mode(entry.mode | mode) : mode, entry.task = task;
    }

    /// found(at, over) for every entry that overlaps the box, and for some whose task is gone(task): these are over.
    /// Entries that are found may be removed on the way.
    template <class Gone, class Found> void find(const Box& box, Gone gone, Found found) {
        for (size_t number = 0; number < levels.size(); number++)
            if (levels[number].count) find_in(int(number), box, gone, found);
    }

    /// Removes what is gone, when there are twice as many entries as were left the last time.
    template <class Gone> void sweep(Gone gone) {
        if (alive < sweep_at) return;
        for (i32 at = 0; at < i32(entries.size()); at++)
            if (!removed(at) && gone(entries[size_t(at)].task)) remove(at);
        sweep_at = std::max(i64(1024), 2 * alive);
    }

private:
    static constexpr i32 none = -1;
    static constexpr i64 dead = -1;
    struct Level {
        int shift[most_axes];
        bool crossed[most_axes];  // a box of the level lies in more than one cell along the axis
        i64 count;
        i32 first;
    };
    std::vector<Entry> entries;
    std::vector<Level> levels;
    std::vector<i32> heads, free;
    i64 alive = 0, sweep_at = 1024;

    int level_of(const Box& box) {
        Level level{{}, {}, 0, none};
        for (int d = 0; d < box.rank; d++) {
            const i64 extent = box.side[d].hi - box.side[d].lo;
            level.shift[d] = extent > 1 ? 64 - __builtin_clzll(u64(extent - 1)) : 0;
        }
        for (size_t number = 0; number < levels.size(); number++) {
            bool same_shifts = true;
            for (int d = 0; d < box.rank; d++) same_shifts &= level.shift[d] == levels[number].shift[d];
            if (same_shifts) return int(number);
        }
        levels.push_back(level);
        return int(levels.size()) - 1;
    }

    static u32 hash_of(int level, int rank, const i64* cell) {
        u64 hash = u64(level) + 1;
        for (int d = 0; d < rank; d++) hash = (hash ^ u64(cell[d])) * 0x9e3779b97f4a7c15ull, hash ^= hash >> 29;
        return u32(hash);
    }
    i32& head(u32 hash) { return heads[hash & (heads.size() - 1)]; }
    void hang(i32 at) {
        Entry& entry = entries[size_t(at)];
        i32& first = head(entry.hash);
        entry.cell_before = none, entry.cell_next = first;
        if (first != none) entries[size_t(first)].cell_before = at;
        first = at;
    }
    void grow() {
        heads.assign(heads.empty() ? 64 : 2 * heads.size(), none);
        for (i32 at = 0; at < i32(entries.size()); at++)
            if (!removed(at)) hang(at);
    }

    template <class Gone, class Found> void find_in(int number, const Box& box, Gone& gone, Found& found) {
        i64 from[most_axes], to[most_axes], cell[most_axes], cells = 1;
        const Level& level = levels[size_t(number)];
        for (int d = 0; d < box.rank; d++) {
            // A box that crosses the border of its cell may reach in from the cell before.
            from[d] = (level.crossed[d] ? box.side[d].lo - (i64(1) << level.shift[d]) + 1 : box.side[d].lo) >> level.shift[d];
            to[d] = (box.side[d].hi - 1) >> level.shift[d];
            cell[d] = from[d];
            cells = cells > level.count ? cells : cells * (to[d] - from[d] + 1);
        }
        auto look = [&](i32 at) {
            const bool over = gone(entries[size_t(at)].task);
            if (over || overlap(entries[size_t(at)].box, box)) found(at, over);
        };
        if (cells > level.count) {
            for (i32 at = level.first, next; at != none; at = next) next = entries[size_t(at)].level_next, look(at);
            return;
        }
        while (true) {
            for (i32 at = head(hash_of(number, box.rank, cell)), next; at != none; at = next) {
                const Entry& entry = entries[size_t(at)];
                next = entry.cell_next;
                bool here = entry.level == number;
                for (int d = 0; d < box.rank; d++) here &= (entry.box.side[d].lo >> level.shift[d]) == cell[d];
                if (here) look(at);
            }
            int d = 0;
            while (d < box.rank && ++cell[d] > to[d]) cell[d] = from[d], d++;
            if (d == box.rank) return;
        }
    }
};

/// What tasks have touched of one array, as far as later tasks have to know.
class History {
public:
    /// The reasons for which an access comes after others, behind `before`, one entry for each; `Gone` says of a task
    /// that nobody has to wait for it any more.
    template <class Gone> void find(const Box& box, Mode mode, Gone gone, std::vector<Before>& before) {
        writes.find(box, gone, [&](i32 at, bool over) {
            const Index::Entry& other = writes[at];
            unsigned kinds = mode & reading ? raw : 0u;
            if (mode & writing) kinds |= waw | (other.mode & reading ? unsigned(war) : 0u);
            if (!over) before.push_back({other.task, kinds});
            if (mode & writing && covers(box, other.box)) covered_writes.push_back(at);
            else if (over) writes.remove(at);
        });
        if (!(mode & writing)) return;
        reads.find(box, gone, [&](i32 at, bool over) {
            if (!over) before.push_back({reads[at].task, war});
            if (over) reads.remove(at);
            else if (covers(box, reads[at].box)) covered_reads.push_back(at);
        });
    }

    /// The tasks that wrote something of the box.
    template <class Gone> void writers(const Box& box, Gone gone, std::vector<i64>& tasks) {
        writes.find(box, gone, [&](i32 at, bool over) {
            if (over) writes.remove(at);
            else tasks.push_back(writes[at].task);
        });
    }

    /// An access of a task that has found all that it comes after. A write of the same box, which it covers, is renewed:
    /// that is the usual case, and cheaper than to remove one and add the other.
    template <class Gone> void add(const Box& box, Mode mode, i64 task, Gone gone) {
        Index& index = mode & writing ? writes : reads;
        index.sweep(gone);
        if (mode & writing)
            for (i32 at : covered_writes)
                if (!writes.removed(at) && same(writes[at].box, box)) return writes.renew(at, task, mode);
        index.add(box, task, mode);
    }

    /// Forgets what the writes of the task cover, when all its accesses are added.
    void forget_covered(i64 task) {
        for (i32 at : covered_writes)
            if (!writes.removed(at) && writes[at].task != task) writes.remove(at);
        for (i32 at : covered_reads)
            if (!reads.removed(at) && reads[at].task != task) reads.remove(at);
        covered_writes.clear(), covered_reads.clear();
    }

private:
    Index writes, reads;  // what is read and written is among the writes
    std::vector<i32> covered_writes, covered_reads;
};

}  // namespace tasking
}  // namespace htp
