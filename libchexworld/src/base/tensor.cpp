// SPDX-License-Identifier: Apache-2.0
#include <chexworld/tensor.h>

#include <array>

namespace chexworld {
namespace {

struct TypeFacts {
  std::size_t size_bytes;
  std::string_view name;
};

// In the order of DataType.
constexpr std::array<TypeFacts, 10> kFacts{{{8, "F64"},
                                            {4, "F32"},
                                            {2, "F16"},
                                            {2, "BF16"},
                                            {8, "I64"},
                                            {4, "I32"},
                                            {2, "I16"},
                                            {1, "I8"},
                                            {1, "U8"},
                                            {1, "BOOL"}}};

}  // namespace

std::size_t size_of(DataType type) { return kFacts[std::size_t(type)].size_bytes; }

std::string_view name_of(DataType type) { return kFacts[std::size_t(type)].name; }

}  // namespace chexworld
