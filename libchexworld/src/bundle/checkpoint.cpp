// SPDX-License-Identifier: Apache-2.0
#include "bundle/checkpoint.h"

#include "base/failure.h"
#include "bundle/printable.h"
#include "bundle/safetensors_header.h"
#include "bundle/storage.h"
#include "bundle/tensor_rebuild.h"

#include <cstring>

namespace chexworld {
namespace {

/// For every node, whether a storage can be reached from it.
std::vector<bool> nodes_with_storages(const PickleGraph& graph) {
  std::vector<std::vector<NodeId>> users(graph.nodes.size());
  std::vector<NodeId> pending;
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    const PickleNode& node = graph.nodes[id];
    for (const NodeId item : node.items) users[item].push_back(id);
    for (const NodeId part : {node.callee, node.arguments, node.state}) {
      if (part != kNoNode) users[part].push_back(id);
    }
    if (node.kind == NodeKind::kPersistent) pending.push_back(id);
  }
  std::vector<bool> reached(graph.nodes.size());
  while (!pending.empty()) {
    const NodeId id = pending.back();
    pending.pop_back();
    if (reached[id]) continue;
    reached[id] = true;
    pending.insert(pending.end(), users[id].begin(), users[id].end());
  }
  return reached;
}

/// Walks the plain containers of a graph and collects what is in them.
class Walk {
 public:
  Walk(const PickleGraph& graph, const CheckpointLimits& limits)
      : graph_(graph), limits_(limits), with_storages_(nodes_with_storages(graph)) {}

  void visit(NodeId id, const std::string& name, std::size_t depth) {
    const PickleNode& node = graph_.at(id);
    if (++visited_ > limits_.values)
      fail(ErrorCode::kTooLarge,
           "has more than " + std::to_string(limits_.values) + " values (shared ones count each time)");
    if (depth > limits_.depth)
      fail(ErrorCode::kTooLarge, printable(name) + " is nested more than " + std::to_string(limits_.depth) + " deep");
    switch (node.kind) {
      case NodeKind::kDictionary: return visit_pairs(node.items, name, depth);
      case NodeKind::kTuple:
      case NodeKind::kList: return visit_list(node, name, depth);
      case NodeKind::kObject: return visit_object(id, name, depth);
      case NodeKind::kBoolean:
      case NodeKind::kInteger: numbers[name] = double(node.integer); return;
      case NodeKind::kFloat: numbers[name] = node.number; return;
      case NodeKind::kPersistent: return skip(id, name, "a bare storage");
      case NodeKind::kSet: return skip(id, name, "a set");
      default: return;  // None, text, bytes, a name: nothing to read
    }
  }

  std::vector<CheckpointTensor> tensors;
  std::vector<SkippedValue> skipped;
  std::map<std::string, double> numbers;

 private:
  std::string joined(const std::string& name, std::string_view key) {
    name_bytes_ += name.size() + key.size();
    if (name_bytes_ > limits_.name_bytes)
      fail(ErrorCode::kTooLarge, "has names of more than " + std::to_string(limits_.name_bytes) + " bytes in all");
    return name.empty() ? std::string(key) : name + "." + std::string(key);
  }

  void visit_pairs(const std::vector<NodeId>& items, const std::string& name, std::size_t depth) {
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      const PickleNode& key = graph_.at(items[i]);
      if (key.kind == NodeKind::kText)
        visit(items[i + 1], joined(name, key.text), depth + 1);
      else if (key.kind == NodeKind::kInteger)
        visit(items[i + 1], joined(name, std::to_string(key.integer)), depth + 1);
      else
        skip(items[i + 1], joined(name, "?"), "a value whose key is neither text nor a number");
    }
  }

  void visit_list(const PickleNode& list, const std::string& name, std::size_t depth) {
    for (std::size_t i = 0; i < list.items.size(); ++i)
      visit(list.items[i], joined(name, std::to_string(i)), depth + 1);
  }

  void visit_object(NodeId id, const std::string& name, std::size_t depth) {
    const PickleNode& object = graph_.at(id);
    const std::string callee = dotted_name(graph_.at(object.callee));
    if (callee == "collections.OrderedDict" || callee == "collections.defaultdict") {
      if (callee == "collections.OrderedDict") visit_initial_pairs(graph_.at(object.arguments), name, depth);
      return visit_pairs(object.items, name, depth);
    }
    std::optional<CheckpointTensor> tensor =
        within("tensor " + printable(name), [&] { return describe_tensor(graph_, object); });
    if (!tensor) return skip(id, name, callee.empty() ? "an object without a name" : callee);
    tensor->name = name;
    tensors.push_back(std::move(*tensor));
  }

  /// OrderedDict([(key, value), ...]), as Python 2 wrote it.
  void visit_initial_pairs(const PickleNode& arguments, const std::string& name, std::size_t depth) {
    if (arguments.items.empty()) return;
    std::vector<NodeId> items;
    for (const NodeId id : graph_.at(arguments.items[0]).items) {
      const PickleNode& pair = graph_.at(id);
      if (pair.items.size() != 2)
        fail(ErrorCode::kMalformed, "dictionary " + printable(name) + " is not made of pairs");
      items.insert(items.end(), pair.items.begin(), pair.items.end());
    }
    visit_pairs(items, name, depth);
  }

  void skip(NodeId id, const std::string& name, std::string what) {
    skipped.push_back({name, std::move(what), with_storages_[id]});
  }

  const PickleGraph& graph_;
  const CheckpointLimits& limits_;
  std::vector<bool> with_storages_;
  std::size_t visited_ = 0;
  std::size_t name_bytes_ = 0;
};

}  // namespace

Checkpoint::Checkpoint(std::span<const std::byte> bytes, std::string origin, const CheckpointLimits& limits)
    : origin_(std::move(origin)), limits_(limits) {
  within(origin_, [&] {
    container_ = CheckpointContainer::open(bytes, limits.pickle);
    Walk walk(container_->graph(), limits_);
    walk.visit(container_->graph().root, "", 0);
    tensors_ = std::move(walk.tensors);
    skipped_ = std::move(walk.skipped);
    numbers_ = std::move(walk.numbers);
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (!index_.emplace(tensors_[i].name, i).second)
        fail(ErrorCode::kMalformed, "tensor " + printable(tensors_[i].name) + " is there twice");
    }
  });
}

Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

Checkpoint Checkpoint::open(const std::filesystem::path& path, const CheckpointLimits& limits) {
  MappedFile mapping(path);
  Checkpoint checkpoint(mapping.bytes(), path.string(), limits);
  checkpoint.mapping_ = std::move(mapping);
  return checkpoint;
}

Checkpoint Checkpoint::from_bytes(std::span<const std::byte> bytes, std::string origin,
                                  const CheckpointLimits& limits) {
  return {bytes, std::move(origin), limits};
}

const CheckpointTensor* Checkpoint::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

TensorView Checkpoint::view(const CheckpointTensor& tensor) {
  return within(origin_ + ": tensor " + printable(tensor.name), [&]() -> TensorView {
    auto checked = checked_.find(tensor.storage);
    if (checked == checked_.end())
      checked = checked_.emplace(tensor.storage, container_->storage(tensor.storage)).first;
    const std::uint64_t bytes = byte_count(tensor.type, tensor.shape);
    if (bytes == 0) return {tensor.type, tensor.shape, {}};
    const auto part = checked->second.subspan(std::size_t(tensor.offset) * size_of(tensor.type));
    if (is_dense(tensor) && reinterpret_cast<std::uintptr_t>(part.data()) % size_of(tensor.type) == 0)
      return {tensor.type, tensor.shape, part.first(std::size_t(bytes))};
    if (bytes > limits_.copied_bytes - copied_bytes_)
      fail(ErrorCode::kTooLarge, "of " + std::to_string(bytes) + " bytes would take more memory than the limit of " +
                                     std::to_string(limits_.copied_bytes) + " bytes for copies");
    copied_bytes_ += bytes;
    copies_.push_back(std::make_unique_for_overwrite<std::byte[]>(std::size_t(bytes)));
    gather(tensor, checked->second, copies_.back().get());
    return {tensor.type, tensor.shape, {copies_.back().get(), std::size_t(bytes)}};
  });
}

}  // namespace chexworld
