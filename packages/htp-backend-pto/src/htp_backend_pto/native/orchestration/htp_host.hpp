// What orchestration needs beside the runtime: Python's arithmetic, parts of tensors, elements, and checks.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <initializer_list>

#include "pto_orchestration_api.h"

namespace htp {

template <typename A, typename B>
constexpr auto min(A a, B b) -> decltype(a + b) {  // a value; the type of `a < b ? a : b` would be a reference
    return b < a ? b : a;
}

template <typename A, typename B>
constexpr auto max(A a, B b) -> decltype(a + b) {  // a value; the type of `a < b ? a : b` would be a reference
    return a < b ? b : a;
}

template <typename A>
constexpr A absolute(A a) {
    return a < 0 ? -a : a;
}

// Rounds down, as Python does.
constexpr int64_t floordiv(int64_t a, int64_t b) { return a / b - ((a % b != 0) & ((a < 0) != (b < 0))); }
inline double floordiv(double a, double b) { return __builtin_floor(a / b); }

// Has the sign of the divisor, as in Python.
constexpr int64_t mod(int64_t a, int64_t b) { return a - floordiv(a, b) * b; }
inline double mod(double a, double b) { return a - __builtin_floor(a / b) * b; }
// Where a bound of a slice falls on an axis: wrapped when negative, then clipped.
constexpr int64_t clip_index(int64_t index, int64_t extent) {
    const int64_t wrapped = index < 0 ? index + extent : index;
    return wrapped < 0 ? 0 : wrapped < extent ? wrapped : extent;
}

inline double power(double a, double b) { return __builtin_pow(a, b); }
constexpr int64_t power(int64_t a, int64_t b) {
    int64_t result = 1;
    for (; b > 0; b--) result *= a;
    return result;
}

// The 64-bit FNV-1a hash of a number as 8 little-endian bytes: http://www.isthe.com/chongo/tech/comp/fnv/
inline int64_t fnv1a(int64_t key, int64_t modulus) {
    uint64_t value = 0xCBF29CE484222325u;
    for (int byte = 0; byte < 8; byte++) value = (value ^ (static_cast<uint64_t>(key) >> 8 * byte & 255)) * 0x100000001B3u;
    return static_cast<int64_t>(value % static_cast<uint64_t>(modulus));
}

// A list of sizes as the runtime wants it.
struct Sizes {
    uint32_t count = 0;
    uint32_t of[5] = {};
    bool empty = false;

    Sizes(std::initializer_list<int64_t> sizes) {
        for (int64_t each : sizes) {
            empty = empty || each <= 0;
            of[count++] = each > 0 ? static_cast<uint32_t>(each) : 0;
        }
    }
};

// The part of a tensor of these sizes that begins at these indices.
inline ChipTensor part(const ChipTensor &tensor, const Sizes &sizes, const Sizes &first) {
    return tensor.view(sizes.of, first.of);
}

// A contiguous tensor with other axes.
inline ChipTensor folded(const ChipTensor &tensor, const Sizes &sizes) { return tensor.reshape(sizes.of, sizes.count); }

// What the first task that writes a buffer allocates.
inline TensorCreateInfo fresh(const Sizes &sizes, DataType type) { return TensorCreateInfo(sizes.of, sizes.count, type); }

// A buffer that nobody wrote yet; where it has no element nobody will.
inline ChipTensor unset(const Sizes &sizes, DataType type) {
    return make_tensor_external(nullptr, sizes.of, sizes.count, type);
}

// A buffer that several tasks write to.
inline ChipTensor buffer(const Sizes &sizes, DataType type) {
    if (sizes.empty) return unset(sizes, type);
    const TensorCreateInfo info = fresh(sizes, type);
    const TaskOutputTensors made = alloc_tensors(info);
    return made.empty() ? unset(sizes, type) : made.get_ref(0);
}

// Stops the run: check `number` of the package does not hold, for an index and an extent if it is about one.
inline void fail(int number, int64_t index = 0, int64_t extent = 0) {
    rt_report_fatal(PTO2_ERROR_INVALID_ARGS, "htp check %d: %lld of %lld", number, static_cast<long long>(index),
                    static_cast<long long>(extent));
}

// Whether an index is one of an axis; stops the run if not.
inline bool within(int64_t index, int64_t extent, int number) {
    if (index >= 0 && index < extent) return true;
    if (!rt_is_fatal()) fail(number, index, extent);
    return false;
}

// One element, as soon as it has been written.
template <typename T>
T item(const ChipTensor &tensor, const Sizes &index) {
    return get_tensor_data<T>(tensor, index.count, index.of);
}

// The task runs only if an element compares so with a number, once all tasks before it have run.
inline void only_if(CoreTaskArgs &args, const ChipTensor &tensor, const Sizes &index, PredicateOp op, int64_t target) {
    CoreTaskPredicate predicate;
    predicate.operand.tensor = &tensor;
    predicate.operand.ndims = index.count;
    for (uint32_t axis = 0; axis < index.count; axis++) predicate.operand.indices[axis] = index.of[axis];
    predicate.op = op;
    predicate.target = target;
    args.set_predicate(predicate);
}

// Numbers that only the orchestration uses.
template <typename T>
class Numbers {
public:
    explicit Numbers(int64_t count) : items_(static_cast<T *>(calloc(count > 0 ? count : 1, sizeof(T)))) {
        if (items_ == nullptr) abort();
    }
    Numbers(const Numbers &) = delete;
    Numbers &operator=(const Numbers &) = delete;
    ~Numbers() { free(items_); }
    T &operator[](int64_t index) { return items_[index]; }

private:
    T *items_;
};

}  // namespace htp
