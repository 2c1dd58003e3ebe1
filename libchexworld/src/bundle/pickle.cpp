// SPDX-License-Identifier: Apache-2.0
#include "bundle/pickle.h"

#include "bundle/byte_reader.h"

#include <bit>
#include <cstdio>
#include <unordered_map>

namespace chexworld {
namespace {

/// The operations of pickle protocols 2 to 5, by their numbers in the format.
enum class Op : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kList = 'l',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kBinFloat = 'G',
  kEmptyTuple = ')',
  kEmptyList = ']',
  kEmptyDict = '}',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
};

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const PickleLimits& limits)
      : reader_(bytes, "the pickle"), limits_(limits) {}

  PickleGraph run() {
    if (Op(reader_.number<std::uint8_t>()) != Op::kProto) malformed("does not begin with its protocol");
    read_protocol();
    for (;;) {
      operation_ = reader_.position();
      if (operation_ > limits_.bytes) too_large("bytes", limits_.bytes);
      const Op op = Op(reader_.number<std::uint8_t>());
      if (op == Op::kStop) break;
      step(op);
    }
    graph_.root = pop();
    if (!stack_.empty() || !marks_.empty()) malformed("ends with values left over");
    graph_.bytes = reader_.position();
    return std::move(graph_);
  }

 private:
  void step(Op op) {
    if (step_value(op) || step_container(op) || step_memo(op) || step_object(op)) return;
    char text[8];
    std::snprintf(text, sizeof text, "0x%02x", unsigned(op));
    fail(ErrorCode::kUnsupported, std::string("the pickle has operation ") + text + " at byte " +
                                      std::to_string(operation_) + ", which torch.save does not write");
  }

  // ---- plain values --------------------------------------------------------------------------------

  bool step_value(Op op) {
    switch (op) {
      case Op::kNone: return push({});
      case Op::kNewTrue: return push({.kind = NodeKind::kBoolean, .integer = 1});
      case Op::kNewFalse: return push({.kind = NodeKind::kBoolean, .integer = 0});
      case Op::kBinInt: return push_integer(reader_.number<std::int32_t>());
      case Op::kBinInt1: return push_integer(reader_.number<std::uint8_t>());
      case Op::kBinInt2: return push_integer(reader_.number<std::uint16_t>());
      case Op::kLong1: return push_long(reader_.number<std::uint8_t>());
      case Op::kLong4: return push_long(reader_.number<std::uint32_t>());
      case Op::kBinFloat: return push_float();
      case Op::kShortBinUnicode: return push_text(NodeKind::kText, reader_.number<std::uint8_t>());
      case Op::kBinUnicode: return push_text(NodeKind::kText, reader_.number<std::uint32_t>());
      case Op::kBinUnicode8: return push_text(NodeKind::kText, reader_.number<std::uint64_t>());
      case Op::kShortBinString: return push_text(NodeKind::kText, reader_.number<std::uint8_t>());
      case Op::kBinString: return push_text(NodeKind::kText, reader_.number<std::uint32_t>());
      case Op::kShortBinBytes: return push_text(NodeKind::kBytes, reader_.number<std::uint8_t>());
      case Op::kBinBytes: return push_text(NodeKind::kBytes, reader_.number<std::uint32_t>());
      case Op::kBinBytes8:
      case Op::kByteArray8: return push_text(NodeKind::kBytes, reader_.number<std::uint64_t>());
      default: return false;
    }
  }

  bool push_integer(std::int64_t value) { return push({.kind = NodeKind::kInteger, .integer = value}); }

  bool push_text(NodeKind kind, std::uint64_t length) { return push({.kind = kind, .text = reader_.text(length)}); }

  bool push_float() {
    const auto bits = __builtin_bswap64(reader_.number<std::uint64_t>());
    return push({.kind = NodeKind::kFloat, .number = std::bit_cast<double>(bits)});
  }

  /// Little-endian two's complement of any length.
  bool push_long(std::uint64_t length) {
    const std::string_view text = reader_.text(length);
    if (length > 8) return push({.kind = NodeKind::kBigInteger, .text = text});
    std::uint64_t value = !text.empty() && (text.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = text.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(text[i]);
    return push_integer(std::int64_t(value));
  }

  // ---- containers ------------------------------------------------------------------------------------

  bool step_container(Op op) {
    switch (op) {
      case Op::kMark: return push_mark();
      case Op::kPopMark: return take_marked(), true;
      case Op::kPop: return pop_or_unmark();
      case Op::kDup: return push_id(top());
      case Op::kEmptyTuple: return push({.kind = NodeKind::kTuple});
      case Op::kTuple1: return push_tuple(1);
      case Op::kTuple2: return push_tuple(2);
      case Op::kTuple3: return push_tuple(3);
      case Op::kTuple: return push_items(NodeKind::kTuple, take_marked());
      case Op::kEmptyList: return push({.kind = NodeKind::kList});
      case Op::kList: return push_items(NodeKind::kList, take_marked());
      case Op::kEmptySet: return push({.kind = NodeKind::kSet});
      case Op::kFrozenSet: return push_items(NodeKind::kSet, take_marked());
      case Op::kEmptyDict: return push({.kind = NodeKind::kDictionary});
      case Op::kDict: return push_items(NodeKind::kDictionary, pairs(take_marked()));
      case Op::kAppend: return add_items(take(1), false);
      case Op::kAppends:
      case Op::kAddItems: return add_items(take_marked(), false);
      case Op::kSetItem: return add_items(take(2), true);
      case Op::kSetItems: return add_items(take_marked(), true);
      default: return false;
    }
  }

  bool push_mark() {
    if (marks_.size() >= limits_.marks) too_large("nested containers", limits_.marks);
    marks_.push_back(stack_.size());
    return true;
  }

  bool pop_or_unmark() {
    if (!marks_.empty() && marks_.back() == stack_.size())
      marks_.pop_back();
    else
      pop();
    return true;
  }

  bool push_items(NodeKind kind, std::vector<NodeId> items) {
    count_items(items.size());
    return push({.kind = kind, .items = std::move(items)});
  }

  bool push_tuple(std::size_t count) { return push_items(NodeKind::kTuple, take(count)); }

  std::vector<NodeId> pairs(std::vector<NodeId> items) const {
    if (items.size() % 2 != 0) malformed("sets a key without a value");
    return items;
  }

  /// Adds to the list, set, dictionary or object that is on top of the stack.
  bool add_items(std::vector<NodeId> items, bool keyed) {
    if (keyed) items = pairs(std::move(items));
    PickleNode& target = graph_.nodes[top()];
    const bool sequence = target.kind == NodeKind::kList || target.kind == NodeKind::kSet;
    const bool object = target.kind == NodeKind::kObject;
    if (!object && (keyed ? target.kind != NodeKind::kDictionary : !sequence))
      malformed("adds items to what is no container");
    count_items(items.size());
    target.items.insert(target.items.end(), items.begin(), items.end());
    return true;
  }

  void count_items(std::size_t count) {
    items_ += count;
    if (items_ > limits_.items) too_large("items", limits_.items);
  }

  // ---- memo --------------------------------------------------------------------------------------------

  bool step_memo(Op op) {
    switch (op) {
      case Op::kBinPut: return memoize(reader_.number<std::uint8_t>());
      case Op::kLongBinPut: return memoize(reader_.number<std::uint32_t>());
      case Op::kMemoize: return memoize(std::uint32_t(memo_.size()));
      case Op::kBinGet: return recall(reader_.number<std::uint8_t>());
      case Op::kLongBinGet: return recall(reader_.number<std::uint32_t>());
      default: return false;
    }
  }

  bool memoize(std::uint32_t index) {
    memo_[index] = top();
    if (memo_.size() > limits_.memo) too_large("memo entries", limits_.memo);
    return true;
  }

  bool recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) malformed("recalls memo entry " + std::to_string(index) + ", which was never made");
    return push_id(found->second);
  }

  // ---- globals and objects: described, never made --------------------------------------------------------

  bool step_object(Op op) {
    switch (op) {
      case Op::kProto: return read_protocol();
      case Op::kFrame: return read_frame();
      case Op::kGlobal: return push_global();
      case Op::kStackGlobal: return push_stack_global();
      case Op::kBinPersId: return push({.kind = NodeKind::kPersistent, .callee = pop()});
      case Op::kReduce:
      case Op::kNewObj: return push_object();
      case Op::kNewObjEx: return pop(), push_object();  // keyword arguments are of no interest
      case Op::kBuild: return set_state();
      default: return false;
    }
  }

  bool read_protocol() {
    const int protocol = reader_.number<std::uint8_t>();
    if (protocol < 2 || protocol > 5)
      fail(ErrorCode::kUnsupported, "the pickle has protocol " + std::to_string(protocol) + ", not 2 to 5");
    return true;
  }

  bool read_frame() {
    if (reader_.number<std::uint64_t>() > reader_.remaining()) malformed("has a frame longer than itself");
    return true;
  }

  bool push_global() {
    const std::string_view module = reader_.line();
    return push({.kind = NodeKind::kGlobal, .text = module, .name = reader_.line()});
  }

  bool push_stack_global() {
    const std::vector<NodeId> names = take(2);
    const PickleNode& module = graph_.nodes[names[0]];
    const PickleNode& name = graph_.nodes[names[1]];
    if (module.kind != NodeKind::kText || name.kind != NodeKind::kText)
      malformed("names a global by something else than text");
    return push({.kind = NodeKind::kGlobal, .text = module.text, .name = name.text});
  }

  bool push_object() {
    const std::vector<NodeId> parts = take(2);
    if (graph_.nodes[parts[1]].kind != NodeKind::kTuple) malformed("calls something with arguments that are no tuple");
    return push({.kind = NodeKind::kObject, .callee = parts[0], .arguments = parts[1]});
  }

  bool set_state() {
    const NodeId state = pop();
    graph_.nodes[top()].state = state;
    return true;
  }

  // ---- stack ---------------------------------------------------------------------------------------------

  bool push(PickleNode node) {
    if (graph_.nodes.size() >= limits_.nodes) too_large("values", limits_.nodes);
    graph_.nodes.push_back(std::move(node));
    return push_id(NodeId(graph_.nodes.size() - 1));
  }

  bool push_id(NodeId id) {
    if (stack_.size() >= limits_.stack) too_large("values at once", limits_.stack);
    stack_.push_back(id);
    return true;
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  NodeId top() const {
    if (stack_.size() <= floor()) malformed("uses a value that is not there");
    return stack_.back();
  }

  NodeId pop() {
    const NodeId id = top();
    stack_.pop_back();
    return id;
  }

  /// The last `count` values, in the order they were pushed.
  std::vector<NodeId> take(std::size_t count) {
    if (stack_.size() < floor() + count) malformed("uses a value that is not there");
    std::vector<NodeId> values(stack_.end() - std::ptrdiff_t(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }

  std::vector<NodeId> take_marked() {
    if (marks_.empty()) malformed("ends a container that was not begun");
    std::vector<NodeId> values = take(stack_.size() - marks_.back());
    marks_.pop_back();
    return values;
  }

  [[noreturn]] void malformed(const std::string& what) const {
    fail(ErrorCode::kMalformed, "the pickle " + what + " (at byte " + std::to_string(operation_) + ")");
  }

  [[noreturn]] void too_large(const char* what, std::uint64_t limit) const {
    fail(ErrorCode::kTooLarge, std::string("the pickle has more than ") + std::to_string(limit) + " " + what);
  }

  ByteReader reader_;
  const PickleLimits& limits_;
  std::size_t operation_ = 0;  // where the current operation begins
  PickleGraph graph_;
  std::vector<NodeId> stack_;
  std::vector<std::size_t> marks_;  // stack heights
  std::unordered_map<std::uint32_t, NodeId> memo_;
  std::size_t items_ = 0;
};

}  // namespace

PickleGraph read_pickle(std::span<const std::byte> bytes, const PickleLimits& limits) {
  return Machine(bytes, limits).run();
}

std::string dotted_name(const PickleNode& node) {
  if (node.kind != NodeKind::kGlobal) return "";
  return std::string(node.text) + "." + std::string(node.name);
}

}  // namespace chexworld
