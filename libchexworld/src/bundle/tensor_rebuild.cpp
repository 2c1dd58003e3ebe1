// SPDX-License-Identifier: Apache-2.0
#include "bundle/tensor_rebuild.h"

#include "base/failure.h"
#include "bundle/printable.h"
#include "bundle/safetensors_header.h"

#include <cstring>

namespace chexworld {
namespace {

constexpr int kDeepestWrapping = 4;
constexpr std::size_t kMostDimensions = 32;

/// Arguments of the call being read.
struct Call {
  const PickleGraph& graph;
  std::string function;
  const PickleNode& arguments;

  const PickleNode& argument(std::size_t i) const {
    if (i >= arguments.items.size()) fail(ErrorCode::kMalformed, function + " has too few arguments");
    return graph.at(arguments.items[i]);
  }
};

std::int64_t count_argument(const PickleNode& node, const char* what) {
  if (node.kind != NodeKind::kInteger)
    fail(ErrorCode::kMalformed, std::string("its ") + what + " is not a whole number");
  if (node.integer < 0) fail(ErrorCode::kMalformed, std::string("its ") + what + " is negative");
  return node.integer;
}

std::vector<std::int64_t> extents_argument(const Call& call, std::size_t i, const char* what) {
  const PickleNode* node = &call.argument(i);
  if (node->kind == NodeKind::kObject && dotted_name(call.graph.at(node->callee)) == "torch.Size") {
    const PickleNode& inner = call.graph.at(node->arguments);
    if (inner.items.size() == 1) node = &call.graph.at(inner.items[0]);
  }
  if (node->kind != NodeKind::kTuple) fail(ErrorCode::kMalformed, std::string("its ") + what + " is not a tuple");
  if (node->items.size() > kMostDimensions) fail(ErrorCode::kMalformed, "it has more than 32 dimensions");
  std::vector<std::int64_t> extents;
  for (const NodeId id : node->items) extents.push_back(count_argument(call.graph.at(id), what));
  return extents;
}

/// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata) and its forerunner of four.
std::optional<CheckpointTensor> plain_tensor(const Call& call) {
  const PickleNode& persistent = call.argument(0);
  if (persistent.kind != NodeKind::kPersistent) fail(ErrorCode::kMalformed, "it does not refer to a storage");
  const StorageClaim claim = storage_claim(call.graph, persistent);
  CheckpointTensor tensor;
  tensor.storage = claim.key;
  tensor.offset = count_argument(call.argument(1), "offset");
  tensor.shape = extents_argument(call, 2, "size");
  tensor.strides = extents_argument(call, 3, "strides");
  if (call.arguments.items.size() > 6) {
    const PickleNode& metadata = call.argument(6);
    if (metadata.kind != NodeKind::kNone && !metadata.items.empty()) return {};  // conjugated or negated view
  }
  if (!claim.type) return {};
  tensor.type = *claim.type;
  check_strides(tensor, claim.elements);
  return tensor;
}

std::optional<CheckpointTensor> describe(const PickleGraph& graph, const PickleNode& callee,
                                         const PickleNode& arguments, int depth);

std::optional<CheckpointTensor> describe_wrapped(const Call& call, int depth) {
  const PickleNode& inner = call.argument(0);
  if (inner.kind != NodeKind::kObject) return {};
  return describe(call.graph, call.graph.at(inner.callee), call.graph.at(inner.arguments), depth + 1);
}

/// _rebuild_from_type_v2(function, type, arguments, state), for types that add nothing to the numbers.
std::optional<CheckpointTensor> describe_typed(const Call& call, int depth) {
  const std::string type = dotted_name(call.argument(1));
  const PickleNode& arguments = call.argument(2);
  const bool harmless =
      type == "torch.Tensor" || type == "torch.nn.parameter.Parameter" || type == "torch.nn.parameter.Buffer";
  if (!harmless || arguments.kind != NodeKind::kTuple) return {};
  return describe(call.graph, call.argument(0), arguments, depth + 1);
}

std::optional<CheckpointTensor> describe(const PickleGraph& graph, const PickleNode& callee,
                                         const PickleNode& arguments, int depth) {
  if (depth > kDeepestWrapping) fail(ErrorCode::kMalformed, "it is wrapped too many times");
  const Call call{graph, dotted_name(callee), arguments};
  if (call.function == "torch._utils._rebuild_tensor_v2" || call.function == "torch._utils._rebuild_tensor")
    return plain_tensor(call);
  if (call.function == "torch._utils._rebuild_parameter" ||
      call.function == "torch._utils._rebuild_parameter_with_state")
    return describe_wrapped(call, depth);
  if (call.function == "torch._tensor._rebuild_from_type_v2") return describe_typed(call, depth);
  return {};
}

}  // namespace

std::optional<CheckpointTensor> describe_tensor(const PickleGraph& graph, const PickleNode& object) {
  if (object.kind != NodeKind::kObject) return {};
  return describe(graph, graph.at(object.callee), graph.at(object.arguments), 0);
}

void check_strides(const CheckpointTensor& tensor, std::uint64_t storage_elements) {
  if (tensor.strides.size() != tensor.shape.size())
    fail(ErrorCode::kMalformed, "it has " + std::to_string(tensor.shape.size()) + " extents, but " +
                                    std::to_string(tensor.strides.size()) + " strides");
  std::uint64_t last = std::uint64_t(tensor.offset);
  bool overflow = false;
  const bool empty = byte_count(tensor.type, tensor.shape) == 0;
  for (std::size_t i = 0; i < tensor.shape.size() && !empty; ++i) {
    std::uint64_t reach = 0;
    overflow |= __builtin_mul_overflow(std::uint64_t(tensor.shape[i] - 1), std::uint64_t(tensor.strides[i]), &reach);
    overflow |= __builtin_add_overflow(last, reach, &last);
  }
  if (overflow || (empty ? last > storage_elements : last >= storage_elements))
    fail(ErrorCode::kMalformed, "its offset " + std::to_string(tensor.offset) + ", shape " + shape_text(tensor.shape) +
                                    " and strides " + shape_text(tensor.strides) + " reach beyond storage " +
                                    printable(tensor.storage) + " of " + std::to_string(storage_elements) +
                                    " elements");
  const std::uint64_t elements = byte_count(tensor.type, tensor.shape) / size_of(tensor.type);
  if (elements > storage_elements)  // a few bytes must not become gigabytes
    fail(ErrorCode::kUnsupported, "its shape " + shape_text(tensor.shape) + " shows the " +
                                      std::to_string(storage_elements) + " elements of its storage more than once");
}

bool is_dense(const CheckpointTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] == 0) return true;
    if (tensor.shape[i] == 1) continue;
    if (tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

void gather(const CheckpointTensor& tensor, std::span<const std::byte> storage, std::byte* out) {
  const std::size_t size = size_of(tensor.type);
  const std::size_t rank = tensor.shape.size();
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t element = tensor.offset;
  for (std::uint64_t left = byte_count(tensor.type, tensor.shape) / size; left > 0; --left) {
    std::memcpy(out, storage.data() + std::size_t(element) * size, size);
    out += size;
    for (std::size_t i = rank; i-- > 0;) {  // count up like an odometer
      element += tensor.strides[i];
      if (++index[i] < tensor.shape[i]) break;
      element -= tensor.strides[i] * tensor.shape[i];
      index[i] = 0;
    }
  }
}

}  // namespace chexworld
