// SPDX-License-Identifier: Apache-2.0
//
// Safetensors files that must be refused, each for its own reason.
#include "builders.h"
#include "bundle/safetensors.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using test::Hostile;
using test::little_endian;
using test::safetensors_text;

/// One tensor "w" described by `fields`, and four bytes of data.
std::string tensor(const std::string& fields) { return safetensors_text(R"({"w":{)" + fields + "}}", 4); }

std::string two(const std::string& first_offsets, const std::string& second_offsets, std::size_t data_bytes) {
  return safetensors_text(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first_offsets +
                              R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second_offsets + "}}",
                          data_bytes);
}

std::string ones(int count) {
  std::string text = "1";
  for (int i = 1; i < count; ++i) text += ",1";
  return text;
}

std::vector<Hostile> files() {
  using enum ErrorCode;
  const std::string fine = R"("dtype":"F32","shape":[1],"data_offsets":[0,4])";
  return {
      {"Empty", "", kMalformed, "too short"},
      {"SevenBytes", "1234567", kMalformed, "too short"},
      {"HeaderLongerThanFile", little_endian(50, 8) + "{}", kMalformed, "header of 50 bytes, but only 2"},
      {"AnotherKindOfFile", "GIF89a and some more text", kMalformed, "not a safetensors file"},
      {"NoHeader", little_endian(0, 8), kMalformed, "does not start with '{'"},
      {"HeaderIsAList", safetensors_text("[1]", 0), kMalformed, "does not start with '{'"},
      {"HeaderCutOff", safetensors_text(R"({"w":{"dtype")", 0), kMalformed, "not JSON"},
      {"TextAfterHeader", safetensors_text("{} {}", 0), kMalformed, "not JSON"},
      {"InvalidUtf8Name", safetensors_text("{\"\xff\":{}}", 0), kMalformed, "not JSON"},
      {"NestingBomb", safetensors_text(R"({"w":{"shape":)" + std::string(200'000, '['), 0), kMalformed, "has a list"},
      {"ObjectBomb", safetensors_text(R"({"w":{"shape":{"a":{}}}})", 0), kMalformed, "has an object"},
      {"DuplicateTensor", safetensors_text(R"({"w":{)" + fine + R"(},"w":{)" + fine + "}}", 4), kMalformed,
       "the name 'w' twice"},
      {"DuplicateField", tensor(R"("dtype":"F32",)" + fine), kMalformed, "the key 'dtype' twice"},
      {"DuplicateMetadata", safetensors_text(R"({"__metadata__":{"a":"1","a":"2"}})", 0), kMalformed,
       "the key 'a' twice"},
      {"TwoMetadata", safetensors_text(R"({"__metadata__":{},"__metadata__":{}})", 0), kMalformed,
       "the name '__metadata__' twice"},
      {"MetadataNumber", safetensors_text(R"({"__metadata__":{"a":1}})", 0), kMalformed, "only text by key"},
      {"MetadataObject", safetensors_text(R"({"__metadata__":{"a":{}}})", 0), kMalformed, "only text by key"},
      {"MetadataText", safetensors_text(R"({"__metadata__":"a"})", 0), kMalformed, "only text by key"},
      {"TensorIsText", safetensors_text(R"({"w":"a"})", 0), kMalformed, "tensor 'w' has text"},
      {"UnknownField", tensor(fine + R"(,"device":"cuda")"), kMalformed, "unknown key 'device'"},
      {"MissingField", tensor(R"("dtype":"F32","shape":[1])"), kMalformed, "lacks one of"},
      {"UnknownType", tensor(R"("dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4])"), kUnsupported,
       "element type 'F8_E4M3'"},
      {"TypeIsNumber", tensor(R"("dtype":1,"shape":[1],"data_offsets":[0,4])"), kMalformed, "has a number"},
      {"NegativeExtent", tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), kMalformed, "a negative number"},
      {"FractionalExtent", tensor(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), kMalformed, "a fraction"},
      {"ShapeIsNumber", tensor(R"("dtype":"F32","shape":1,"data_offsets":[0,4])"), kMalformed, "has a number"},
      {"NullShape", tensor(R"("dtype":"F32","shape":null,"data_offsets":[0,4])"), kMalformed, "has null"},
      {"ExtentOver63Bits", tensor(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4])"), kMalformed,
       "over 2^63"},
      {"ProductOverflows", tensor(R"("dtype":"F32","shape":[4294967296,4294967296,1],"data_offsets":[0,4])"),
       kMalformed, "more elements than can be counted"},
      {"ProductWrapsToFit", tensor(R"("dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4])"), kMalformed,
       "more elements than can be counted"},
      {"DimensionBomb", tensor(R"("dtype":"F32","shape":[)" + ones(40) + R"(],"data_offsets":[0,4])"), kMalformed,
       "more than 32 dimensions"},
      {"ShapeLies", tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), kMalformed,
       "needs 8 bytes, its data_offsets give it 4"},
      {"OffsetsBackwards", tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), kMalformed,
       "impossible data_offsets"},
      {"OneOffset", tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), kMalformed, "impossible data_offsets"},
      {"ThreeOffsets", tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,4])"), kMalformed,
       "more than two data_offsets"},
      {"BeyondTheEnd", two("[0,4]", "[4,8]", 6), kMalformed, "tensor 'b' ends at byte 8 of the data, which has only 6"},
      {"Overlap", two("[0,4]", "[2,6]", 6), kMalformed, "tensor 'b' overlaps"},
      {"SameBytesTwice", two("[0,4]", "[0,4]", 4), kMalformed, "overlaps"},
      {"Hole", two("[0,4]", "[5,9]", 9), kMalformed, "a hole of 1 bytes before tensor 'b'"},
      {"HoleAtStart", two("[1,5]", "[5,9]", 9), kMalformed, "a hole of 1 bytes before tensor 'a'"},
      {"TrailingBytes", tensor(fine) + "x", kMalformed, "1 bytes of the data belong to no tensor"},
      {"ControlCharactersInName",
       safetensors_text("{\"\\u001b[31m\\n\":{\"dtype\":\"X\",\"shape\":[],\"data_offsets\":[0,0]}}", 0), kUnsupported,
       "tensor '?[31m?'"},
  };
}

class HostileSafetensors : public testing::TestWithParam<Hostile> {};

TEST_P(HostileSafetensors, IsRefused) {
  test::expect_refused(GetParam(), "weights.safetensors", [](std::string_view bytes) {
    SafetensorsFile::from_bytes(test::bytes_of(bytes), "weights.safetensors");
  });
}

INSTANTIATE_TEST_SUITE_P(Files, HostileSafetensors, testing::ValuesIn(files()),
                         [](const auto& file) { return file.param.name; });

/// Cutting a good file anywhere makes a bad one.
TEST(HostileSafetensorsCut, EveryPrefixIsRefused) {
  const std::string whole = two("[0,4]", "[4,8]", 8);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string part = whole.substr(0, length);
    EXPECT_THROW(SafetensorsFile::from_bytes(test::bytes_of(part), "x"), Failure) << length;
  }
}

}  // namespace
}  // namespace chexworld
