// The arguments of a task: tensors with their direction, then scalars; explicit dependences, predicate, launch.
// Interface facts: hw-native-sys/simpler@6ebaf77, src/a2a3/runtime/tensormap_and_ringbuffer/runtime/pto_types.h.
#pragma once
#include <type_traits>

#include "tensor.h"

constexpr int MAX_TENSOR_ARGS = 32;
constexpr int MAX_SCALAR_ARGS = 16;
constexpr int CHIP_MAX_TENSOR_ARGS = 256;
constexpr int CHIP_MAX_SCALAR_ARGS = 128;
constexpr int32_t INVALID_KERNEL_ID = -1;

enum class PTO2ScopeMode : uint8_t { AUTO = 0, MANUAL = 1 };
enum class PredicateOp : uint8_t { NONE = 0, EQ, NE, GT, LT, GE, LE };

struct MixedKernels {
    int32_t aic_kernel_id{INVALID_KERNEL_ID};
    int32_t aiv0_kernel_id{INVALID_KERNEL_ID};
    int32_t aiv1_kernel_id{INVALID_KERNEL_ID};
};

class PTO2LaunchSpec {
public:
    int16_t block_num() const { return block_num_; }
    void set_block_num(int16_t n) { block_num_ = n; }
    bool require_sync_start() const { return require_sync_start_; }
    void set_require_sync_start(bool v) { require_sync_start_ = v; }

private:
    int16_t block_num_{1};
    bool require_sync_start_{false};
};

// What a task compares, when it is dispatched, to know whether it runs.
struct CorePredicateOperand {
    const ChipTensor* tensor{nullptr};
    uint32_t ndims{0};
    uint32_t indices[MAX_TENSOR_DIMS]{};
};
struct CoreTaskPredicate {
    CorePredicateOperand operand;
    PredicateOp op{PredicateOp::NONE};
    int64_t target{0};
};

// A tensor that a task is to allocate.
class TensorCreateInfo {
public:
    TensorCreateInfo(const uint32_t shapes_in[], uint32_t ndims_in, DataType dtype_in = DataType::FLOAT32,
                     bool manual = false)
        : ndims(ndims_in), dtype(dtype_in), manual_dep(manual) {
        for (uint32_t i = 0; i < ndims && i < MAX_TENSOR_DIMS; ++i) shapes[i] = shapes_in[i];
    }
    template <typename T = uint64_t> void set_initial_value(T value) {
        has_initial_value = true;
        initial_value = to_u64(value);
    }
    uint64_t buffer_size_bytes() const {
        uint64_t count = 1;
        for (uint32_t i = 0; i < ndims; ++i) count *= shapes[i];
        return count * get_element_size(dtype);
    }

    uint64_t initial_value{0};
    bool has_initial_value{false};
    uint32_t ndims;
    DataType dtype;
    bool manual_dep;
    uint32_t shapes[MAX_TENSOR_DIMS]{};
};

// The tensors that a task allocated, alive while its scope is open.
class TaskOutputTensors {
public:
    bool empty() const { return count_ == 0; }
    uint32_t size() const { return count_; }
    const ChipTensor& get_ref(uint32_t index) const& {
        if (index >= count_) standin_no_output();
        return *tensors_[index];
    }
    const ChipTensor& get_ref(uint32_t index) const&& = delete;
    PTO2TaskId task_id() const { return task_id_; }
    void set_task_id(PTO2TaskId id) { task_id_ = id; }
    void materialize_output(const ChipTensor& tensor) { tensors_[count_++] = &tensor; }

private:
    static void standin_no_output();

    PTO2TaskId task_id_{PTO2TaskId::invalid()};
    uint32_t count_{0};
    const ChipTensor* tensors_[MAX_TENSOR_ARGS]{};
};

// One tensor argument: an existing tensor, or one to create.
class TensorRef {
public:
    const ChipTensor& ref() const { return *tensor; }
    const TensorCreateInfo& create_info() const { return *info; }

    const ChipTensor* tensor{nullptr};
    const TensorCreateInfo* info{nullptr};
};

template <int MaxTensors, int MaxScalars> struct Arg {
    Arg() = default;
    Arg(const Arg&) = delete;
    Arg& operator=(const Arg&) = delete;

    bool has_error{false};
    const char* error_msg{nullptr};
    PTO2LaunchSpec launch_spec;

    template <typename... Tensors> void add_input(Tensors&&... tensors) {
        add_existing(TensorArgType::INPUT, tensors...);
    }
    template <typename... Tensors> void add_inout(Tensors&&... tensors) {
        add_existing(TensorArgType::INOUT, tensors...);
    }
    template <typename... Tensors> void add_no_dep(Tensors&&... tensors) {
        add_existing(TensorArgType::NO_DEP, tensors...);
    }
    template <typename... Tensors> void add_output(Tensors&&... tensors) {
        static_assert((std::is_lvalue_reference_v<Tensors> && ...), "temporaries would dangle: give variables");
        if constexpr ((std::is_same_v<std::decay_t<Tensors>, TensorCreateInfo> && ...)) {
            (add_one(TensorArgType::OUTPUT, nullptr, &tensors), ...);
        } else {
            static_assert((std::is_same_v<std::decay_t<Tensors>, ChipTensor> && ...),
                          "add_output: all existing, or all new");
            (add_one(TensorArgType::OUTPUT_EXISTING, &tensors, nullptr), ...);
        }
    }
    template <typename... Scalars> void add_scalar(Scalars... scalars) {
        static_assert(((std::is_arithmetic_v<Scalars> || std::is_enum_v<Scalars>) && ...),
                      "add_scalar: arithmetic types only");
        (add_scalar_bits(to_u64(scalars)), ...);
    }
    void add_scalars(const uint64_t* values, int count) {
        for (int i = 0; i < count; ++i) add_scalar_bits(values[i]);
    }
    void add_scalars_i32(const int32_t* values, int count) {
        for (int i = 0; i < count; ++i) add_scalar_bits(static_cast<uint32_t>(values[i]));
    }
    void set_dependencies(const PTO2TaskId* ids, uint32_t count) {
        if (count == 0) {
            dependencies = nullptr, dependency_count = 0;
            return;
        }
        if (ids == nullptr) return set_error("set_dependencies: no ids");
        if (dependencies != nullptr) return set_error("set_dependencies: called twice");
        dependencies = ids, dependency_count = count;
    }
    void set_predicate(const CoreTaskPredicate& predicate) { predicate_ = predicate; }
    void set_allow_early_resolve(bool v = true) { early_resolve_ = v; }
    void set_require_sync_start(bool v = true) { launch_spec.set_require_sync_start(v); }
    void set_task_timing_slot(int32_t slot) {
        if (slot < 0 || slot > 15) set_error("set_task_timing_slot: slots are 0 to 15");
    }
    void set_error(const char* message) {
        if (!has_error) has_error = true, error_msg = message;
    }
    void clear() {
        tensor_count_ = scalar_count_ = 0;
        dependencies = nullptr, dependency_count = 0;
        early_resolve_ = false;
        predicate_ = CoreTaskPredicate{};
    }
    void reset() {
        clear();
        has_error = false, error_msg = nullptr;
    }

    const TensorRef& tensor(int32_t i) const { return tensors_[i]; }
    TensorArgType tag(int32_t i) const { return tags_[i]; }
    uint64_t scalar(int32_t i) const { return scalars_[i]; }
    int32_t tensor_count() const { return tensor_count_; }
    int32_t scalar_count() const { return scalar_count_; }
    const CoreTaskPredicate& predicate() const { return predicate_; }

    const PTO2TaskId* dependencies{nullptr};
    uint32_t dependency_count{0};

private:
    template <typename... Tensors> void add_existing(TensorArgType tag, Tensors&&... tensors) {
        static_assert((std::is_lvalue_reference_v<Tensors> && ...), "temporaries would dangle: give variables");
        static_assert((std::is_same_v<std::decay_t<Tensors>, ChipTensor> && ...), "all arguments must be ChipTensor");
        (add_one(tag, &tensors, nullptr), ...);
    }
    void add_one(TensorArgType tag, const ChipTensor* tensor, const TensorCreateInfo* info) {
        if (scalar_count_ > 0) return set_error("a tensor was added after a scalar; all tensors come first");
        if (tensor_count_ == MaxTensors)
            return set_error(MaxTensors == 32 ? "more than 32 tensors" : "more than 256 tensors");
        tensors_[tensor_count_].tensor = tensor, tensors_[tensor_count_].info = info;
        tags_[tensor_count_++] = tag;
    }
    void add_scalar_bits(uint64_t bits) {
        if (scalar_count_ == MaxScalars)
            return set_error(MaxScalars == 16 ? "more than 16 scalars" : "more than 128 scalars");
        scalars_[scalar_count_++] = bits;
    }

    TensorRef tensors_[MaxTensors];
    TensorArgType tags_[MaxTensors]{};
    uint64_t scalars_[MaxScalars]{};
    int32_t tensor_count_{0};
    int32_t scalar_count_{0};
    CoreTaskPredicate predicate_;
    bool early_resolve_{false};
};

using CoreTaskArgs = Arg<MAX_TENSOR_ARGS, MAX_SCALAR_ARGS>;
struct ChipTaskArgs : Arg<CHIP_MAX_TENSOR_ARGS, CHIP_MAX_SCALAR_ARGS> {};
