// Tensors as kernels and orchestrations see them: a buffer, an offset, sizes and strides in elements.
// Interface facts: hw-native-sys/simpler@6ebaf77, src/common/task_interface/{tensor.h,data_type.h,pto_task_id.h}.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#ifndef __gm__
#define __gm__
#endif
#ifndef __aicore__
#define __aicore__
#endif

constexpr int MAX_TENSOR_DIMS = 5;

enum class DataType : uint8_t {
    FLOAT32,
    FLOAT16,
    INT32,
    INT16,
    INT8,
    UINT8,
    BFLOAT16,
    INT64,
    UINT64,
    UINT16,
    UINT32,
    BOOL,
    FP8E4M3FN,
    FP8E8M0,
    FP4E2M1,
    DATA_TYPE_NUM,
};

inline uint64_t get_element_size(DataType dtype) {
    constexpr uint8_t sizes[] = {4, 2, 4, 2, 1, 1, 2, 8, 8, 2, 4, 1, 1, 1, 1};
    return dtype < DataType::DATA_TYPE_NUM ? sizes[static_cast<int>(dtype)] : 0;
}

enum class TensorArgType : int32_t { INPUT = 0, OUTPUT = 1, INOUT = 2, OUTPUT_EXISTING = 3, NO_DEP = 4 };
enum class AddressSpace : uint8_t { HOST = 0, DEVICE = 1 };

template <typename T> inline uint64_t to_u64(T value) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>, "to_u64: at most eight plain bytes");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
}
template <typename T> inline T from_u64(uint64_t bits) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>, "from_u64: at most eight plain bytes");
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

struct PTO2TaskId {
    uint64_t raw;
    static constexpr PTO2TaskId make(uint8_t ring, uint32_t local) {
        return PTO2TaskId{(uint64_t(ring) << 32) | local};
    }
    static constexpr PTO2TaskId invalid() { return PTO2TaskId{UINT64_MAX}; }
    constexpr uint8_t ring() const { return static_cast<uint8_t>(raw >> 32); }
    constexpr uint32_t local() const { return static_cast<uint32_t>(raw); }
    constexpr bool is_valid() const { return raw != UINT64_MAX; }
    constexpr bool is_invalid() const { return raw == UINT64_MAX; }
    constexpr bool operator==(const PTO2TaskId& other) const { return raw == other.raw; }
    constexpr bool operator!=(const PTO2TaskId& other) const { return raw != other.raw; }
};

struct PTOBufferHandle {
    uint64_t addr;
    uint64_t size;
};

// Told of a view that does not fit its tensor; the orchestration header sets it, kernels leave it alone.
namespace htp_runtime {
static void (*bad_view)(const char* what) = nullptr;
}

struct ChipTensor {
    PTOBufferHandle buffer;
    PTO2TaskId owner_task_id;
    uint64_t start_offset;
    int32_t version;
    uint32_t ndims;
    DataType dtype;
    bool manual_dep;
    bool is_contiguous;
    AddressSpace address_space;
    uint32_t shapes[MAX_TENSOR_DIMS];
    uint32_t strides[MAX_TENSOR_DIMS];
    uint64_t extent_elem_cache;

    uint64_t numel() const {
        uint64_t count = 1;
        for (uint32_t i = 0; i < ndims; ++i) count *= shapes[i];
        return count;
    }
    uint64_t extent_elem() const { return is_contiguous ? numel() : extent_elem_cache; }
    uint64_t nbytes() const { return numel() * get_element_size(dtype); }
    template <typename T> T* data_as() const { return reinterpret_cast<T*>(static_cast<uintptr_t>(buffer.addr)); }

    ChipTensor view(const uint32_t view_shapes[], const uint32_t view_offsets[], bool manual = false) const {
        ChipTensor result = *this;
        for (uint32_t i = 0; i < ndims; ++i) {
            expect(view_offsets[i] + view_shapes[i] <= shapes[i], "view: the region does not lie inside the tensor");
            result.start_offset += uint64_t(view_offsets[i]) * strides[i];
            result.shapes[i] = view_shapes[i];
        }
        return result.derived(manual);
    }
    ChipTensor reshape(const uint32_t new_shapes[], uint32_t new_ndims, bool manual = false) const {
        uint64_t count = 1;
        for (uint32_t i = 0; i < new_ndims; ++i) count *= new_shapes[i];
        expect(is_contiguous, "reshape: the tensor is not contiguous");
        expect(count == numel(), "reshape: the number of elements changes");
        ChipTensor result = *this;
        result.ndims = new_ndims;
        uint32_t stride = 1;
        for (uint32_t i = new_ndims; i-- > 0;) {
            result.shapes[i] = new_shapes[i];
            result.strides[i] = stride;
            stride *= new_shapes[i];
        }
        return result.derived(manual);
    }
    ChipTensor transpose(uint32_t x, uint32_t y, bool manual = false) const {
        expect(x < ndims && y < ndims, "transpose: no such dimension");
        ChipTensor result = *this;
        std::swap(result.shapes[x], result.shapes[y]);
        std::swap(result.strides[x], result.strides[y]);
        return result.derived(manual);
    }
    ChipTensor permute(const uint32_t order[], bool manual = false) const {
        ChipTensor result = *this;
        for (uint32_t i = 0; i < ndims; ++i) {
            expect(order[i] < ndims, "permute: no such dimension");
            result.shapes[i] = shapes[order[i]];
            result.strides[i] = strides[order[i]];
        }
        return result.derived(manual);
    }
    ChipTensor slice(uint32_t dim, uint32_t start, uint32_t end, uint32_t step = 1, bool manual = false) const {
        expect(dim < ndims && step >= 1 && start < end && end <= shapes[dim],
               "slice: the region does not lie inside the tensor");
        ChipTensor result = *this;
        result.start_offset += uint64_t(start) * strides[dim];
        result.shapes[dim] = (end - start + step - 1) / step;
        result.strides[dim] = strides[dim] * step;
        return result.derived(manual);
    }

    // Whether the elements are dense, and how far they reach.
    ChipTensor& derived(bool manual) {
        manual_dep = manual;
        uint64_t extent = 1, dense = 1;
        is_contiguous = true;
        for (uint32_t i = ndims; i-- > 0;) {
            if (strides[i] != dense) is_contiguous = false;
            if (shapes[i] > 0) extent += uint64_t(shapes[i] - 1) * strides[i];
            dense *= shapes[i];
        }
        extent_elem_cache = dense == 0 ? 0 : extent;
        if (dense == 0) is_contiguous = true;
        return *this;
    }

private:
    static void expect(bool holds, const char* what) {
        if (!holds && htp_runtime::bad_view != nullptr) htp_runtime::bad_view(what);
    }
};

inline ChipTensor make_tensor_strided(void* addr, const uint32_t shapes[], const uint32_t strides[], uint32_t ndims,
                                      DataType dtype = DataType::FLOAT32, bool manual_dep = false, int32_t version = 0,
                                      AddressSpace space = AddressSpace::HOST) {
    ChipTensor t{};
    t.buffer.addr = reinterpret_cast<uint64_t>(addr);
    t.owner_task_id = PTO2TaskId::invalid();
    t.version = version;
    t.ndims = ndims;
    t.dtype = dtype;
    t.address_space = space;
    for (uint32_t i = 0; i < ndims; ++i) t.shapes[i] = shapes[i], t.strides[i] = strides[i];
    t.derived(manual_dep);
    t.buffer.size = t.extent_elem_cache * get_element_size(dtype);
    return t;
}

inline ChipTensor make_tensor_external(void* addr, const uint32_t shapes[], uint32_t ndims,
                                       DataType dtype = DataType::FLOAT32, bool manual_dep = false, int32_t version = 0,
                                       AddressSpace space = AddressSpace::HOST) {
    uint32_t strides[MAX_TENSOR_DIMS], stride = 1;
    for (uint32_t i = ndims; i-- > 0;) strides[i] = stride, stride *= shapes[i];
    return make_tensor_strided(addr, shapes, strides, ndims, dtype, manual_dep, version, space);
}
