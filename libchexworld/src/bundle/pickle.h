// SPDX-License-Identifier: Apache-2.0
//
// Reads Python pickles (protocols 2 to 5) without Python: nothing named in the file is imported, called or built.
//
// A pickle is a program for a small stack machine. Here it runs on symbols only: "call os.system with these
// arguments" becomes a node of kind kObject that says so. What such a node means is decided by whoever reads the
// graph (checkpoint.h knows a dozen harmless constructors); everything else stays a description.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// What a pickle may cost before it is refused with kTooLarge. The defaults are far above real checkpoints.
struct PickleLimits {
  std::uint64_t bytes = 256u << 20;
  std::size_t nodes = 1'000'000;
  std::size_t items = 4'000'000;  ///< in all lists, tuples and dictionaries together
  std::size_t memo = 1'000'000;
  std::size_t stack = 1'000'000;
  std::size_t marks = 1'000;  ///< nested unfinished containers
};

using NodeId = std::uint32_t;
constexpr NodeId kNoNode = 0xffffffff;

enum class NodeKind : std::uint8_t {
  kNone,
  kBoolean,     ///< integer
  kInteger,     ///< integer
  kBigInteger,  ///< text: little-endian two's complement, more than 8 bytes
  kFloat,       ///< number
  kText,        ///< text, UTF-8 as it stands in the file
  kBytes,       ///< text
  kTuple,       ///< items
  kList,        ///< items
  kSet,         ///< items
  kDictionary,  ///< items: key, value, key, value, ...
  kGlobal,      ///< text: module, name: attribute
  kPersistent,  ///< callee: the id that names something outside of the pickle
  kObject,      ///< callee called with arguments; items: entries set afterwards; state: what BUILD gave it
};

struct PickleNode {
  NodeKind kind = NodeKind::kNone;
  std::int64_t integer = 0;
  double number = 0;
  std::string_view text = {};
  std::string_view name = {};
  std::vector<NodeId> items = {};
  NodeId callee = kNoNode;
  NodeId arguments = kNoNode;
  NodeId state = kNoNode;
};

/// The graph that a pickle describes; it may be cyclic. Texts point into the pickle's bytes, which must outlive it.
struct PickleGraph {
  std::vector<PickleNode> nodes;
  NodeId root = kNoNode;
  std::size_t bytes = 0;  ///< length of the pickle, up to and with its STOP

  const PickleNode& at(NodeId id) const { return nodes.at(id); }
};

/// Reads the pickle at the beginning of `bytes`; what follows it is left alone.
/// Throws Failure: kMalformed, kUnsupported (an operation that torch.save never writes), kTooLarge. Messages name the
/// byte within the pickle.
PickleGraph read_pickle(std::span<const std::byte> bytes, const PickleLimits& limits = {});

/// "collections.OrderedDict" for a global, "" for anything else.
std::string dotted_name(const PickleNode& node);

}  // namespace chexworld
