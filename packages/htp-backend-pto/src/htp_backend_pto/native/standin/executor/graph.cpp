#include "graph.hpp"

namespace htp_pto {

namespace {

struct Box {
    uint64_t at[MAX_TENSOR_DIMS];
    bool fits;
};

// The position of a view within its storage, where strides are those of a row-major array.
Box box_of(const ChipTensor& t, uint64_t rows) {
    Box box{{}, true};
    uint64_t rest = t.start_offset;
    for (uint32_t i = 0; i < t.ndims; ++i) {
        box.at[i] = rest / t.strides[i];
        rest %= t.strides[i];
        const uint64_t extent = i == 0 ? rows : t.strides[i - 1] / t.strides[i];
        if (box.at[i] + t.shapes[i] > extent) box.fits = false;
    }
    if (rest != 0) box.fits = false;
    return box;
}

bool row_major(const ChipTensor& t) {
    if (t.ndims == 0 || t.strides[t.ndims - 1] != 1) return false;
    for (uint32_t i = 1; i < t.ndims; ++i)
        if (t.strides[i - 1] % t.strides[i] != 0) return false;
    return true;
}

}  // namespace

Overlap overlap(const ChipTensor& now, const ChipTensor& earlier) {
    if (now.version > earlier.version) return Overlap::Other;
    // Element offsets are compared without a look at the element type, as the runtime does.
    if (now.start_offset >= earlier.start_offset + earlier.extent_elem() ||
        earlier.start_offset >= now.start_offset + now.extent_elem())
        return Overlap::None;
    if (now.dtype != earlier.dtype || now.ndims != earlier.ndims || !row_major(now)) return Overlap::Other;
    for (uint32_t i = 0; i < now.ndims; ++i)
        if (now.strides[i] != earlier.strides[i]) return Overlap::Other;
    const uint64_t elements = now.buffer.size / get_element_size(now.dtype);
    if (elements % now.strides[0] != 0) return Overlap::Other;
    const uint64_t rows = elements / now.strides[0];
    const Box a = box_of(now, rows), b = box_of(earlier, rows);
    if (!a.fits || !b.fits) return Overlap::Other;
    bool covers = true;
    for (uint32_t i = 0; i < now.ndims; ++i) {
        const uint64_t a_end = a.at[i] + now.shapes[i], b_end = b.at[i] + earlier.shapes[i];
        if (a.at[i] >= b_end || b.at[i] >= a_end) return Overlap::None;
        covers = covers && a.at[i] <= b.at[i] && b_end <= a_end;
    }
    return covers ? Overlap::Covered : Overlap::Other;
}

int64_t Graph::find(PTO2TaskId name) const {
    auto known = names_.find(name.raw);
    return known == names_.end() ? -1 : known->second;
}

void Graph::add_edge(Task& task, int64_t from, const char* source, int argument) {
    if (from < 0 || from == task.id) return;
    for (size_t k = edges.size(); k-- > 0 && edges[k].to == task.id;)
        if (edges[k].from == from && edges[k].source == source && edges[k].argument == argument) return;
    edges.push_back({from, task.id, source, argument});
    task.before.insert(from);
}

void Graph::connect(Task& task, const PTO2TaskId* dependencies, uint32_t count) {
    names_[task.name.raw] = task.id;
    for (uint32_t i = 0; i < count; ++i) add_edge(task, find(dependencies[i]), "explicit", -1);
    if (task.manual) return;
    int position = 0;
    for (const Argument& argument : task.arguments) {
        const int index = position++;
        if (argument.tag == TensorArgType::OUTPUT) continue;
        if (argument.owner >= 0) add_edge(task, argument.owner, "creator", index);
        if ((argument.tag != TensorArgType::INPUT && argument.tag != TensorArgType::INOUT) ||
            argument.tensor.manual_dep)
            continue;
        std::vector<Entry>& entries = entries_[argument.tensor.buffer.addr];
        for (size_t k = entries.size(); k-- > 0;) {
            const Overlap found = overlap(argument.tensor, entries[k].tensor);
            if (found == Overlap::None) continue;
            add_edge(task, entries[k].producer, "tensormap", index);
            if (argument.tag == TensorArgType::INOUT && found == Overlap::Covered)
                entries.erase(entries.begin() + long(k));
        }
    }
    for (const Argument& argument : task.arguments) {
        const bool writes = argument.tag == TensorArgType::INOUT || argument.tag == TensorArgType::OUTPUT_EXISTING;
        if (writes && !argument.tensor.manual_dep)
            entries_[argument.tensor.buffer.addr].push_back({argument.tensor, task.id});
    }
}

std::set<int64_t> Graph::producers(const ChipTensor& tensor) const {
    std::set<int64_t> result;
    if (tensor.owner_task_id.is_valid()) {
        const int64_t owner = find(tensor.owner_task_id);
        if (owner >= 0) result.insert(owner);
    }
    auto entries = entries_.find(tensor.buffer.addr);
    if (entries == entries_.end()) return result;
    for (const Entry& entry : entries->second)
        if (overlap(tensor, entry.tensor) != Overlap::None) result.insert(entry.producer);
    return result;
}

void Graph::clear() {
    tasks.clear();
    edges.clear();
    entries_.clear();
    names_.clear();
}

}  // namespace htp_pto
