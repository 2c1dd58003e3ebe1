// SPDX-License-Identifier: Apache-2.0
//
// Torch checkpoints that must be refused, each for its own reason: containers, pickles, tensors.
#include "base/failure.h"
#include "builders.h"
#include "bundle/checkpoint.h"
#include "support/torch_file.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using namespace test::pickle;
using test::Hostile;
using test::LegacyParts;
using test::number_bytes;
using test::torch_zip;
using test::ZipMember;
using test::ZipTail;
using enum ErrorCode;

const std::string kSixFloats(24, '\0');
constexpr std::uint32_t kSaturated = 0xffffffff;  // "see the zip64 field"

std::string good_pickle() { return whole(dictionary({{"w", dense("0", {2, 3})}})); }

// ---- zip -------------------------------------------------------------------------------------------------

/// A good checkpoint whose members `spoil` may change.
std::string with_members(const std::function<void(std::vector<ZipMember>&)>& spoil, const ZipTail& tail = {}) {
  std::vector<ZipMember> members = test::torch_members(good_pickle(), {{"0", kSixFloats}});
  spoil(members);
  return zip_file(members, tail);
}

/// The same, for the member that holds the storage.
std::string with_member(const std::function<void(ZipMember&)>& spoil) {
  return with_members([&](auto& members) { spoil(members[2]); });
}

std::string with_tail(const ZipTail& tail) {
  return with_members([](auto&) {}, tail);
}

std::string zip64_extra(const std::vector<std::uint64_t>& values) {
  std::string text = number_bytes(1, 2) + number_bytes(8 * values.size(), 2);
  for (const std::uint64_t value : values) text += number_bytes(value, 8);
  return text;
}

std::vector<Hostile> zip_files() {
  const auto plain = [](ZipMember& m) { m.descriptor_bytes = 0; };
  return {
      {"ZipOnlySignature", "PK\3\4", kMalformed, "cut off"},
      {"ZipCutOff", with_tail({}).substr(0, 300), kMalformed, "does not end with its end record"},
      {"ZipComment", with_tail({.appended = "hello"}), kMalformed, "does not end with its end record"},
      {"ZipSeveralVolumes", with_tail({.disk = 1}), kUnsupported, "several volumes"},
      {"ZipDirectoryElsewhere", with_tail({.directory_begin = 10}), kMalformed, "not where its end record says"},
      {"ZipFewerMembersSaid", with_tail({.members = 2}), kMalformed, "longer than its members"},
      {"ZipMoreMembersSaid", with_tail({.members = 200}), kMalformed, "central header"},
      {"Zip64CountLies", with_tail({.zip64 = true, .members64 = 3}), kMalformed, "contradict each other"},
      {"Zip64MemberBomb", with_tail({.zip64 = true, .members = 0xffff, .members64 = 1ull << 40}), kTooLarge,
       "more than a million members"},
      {"Zip64RecordElsewhere", with_tail({.zip64 = true, .record64_begin = 0}), kMalformed, "does not point to"},
      {"Zip64RecordSizeLies", with_tail({.zip64 = true, .record64_size = 4000}), kMalformed, "lies about its size"},
      {"ZipGapBeforeDirectory", with_tail({.gap = "hidden"}), kMalformed, "bytes that belong to no member"},
      {"ZipGapBetweenMembers", with_member([](auto& m) { m.gap_before = "hidden"; }), kMalformed,
       "begins after bytes that belong to no member"},
      {"ZipBytesInFront", with_members([](auto& ms) { ms[0].gap_before = "PK\3\4"; }), kMalformed,
       "begins after bytes that belong to no member"},
      {"ZipDuplicateName", with_members([](auto& ms) { ms.push_back(ms[2]); }), kMalformed, "is there twice"},
      {"ZipSameMemberTwice", with_members([](auto& ms) {
         ms.push_back({"archive/data/1", ""});
         ms.back().offset = 0;
       }),
       kMalformed, "overlaps another member"},
      {"ZipCompressed", with_member([](auto& m) { m.method = 8; }), kUnsupported, "'archive/data/0' is compressed"},
      {"ZipEncrypted", with_member([](auto& m) { m.flags = 1; }), kUnsupported, "is encrypted"},
      {"ZipStronglyEncrypted", with_member([](auto& m) { m.flags = 0x40; }), kUnsupported, "is encrypted"},
      {"ZipParentFolder", with_member([](auto& m) { m.name = "archive/../../etc/cron.d/x"; }), kMalformed,
       "leads out of the archive"},
      {"ZipAbsoluteName", with_member([](auto& m) { m.name = "/etc/passwd"; }), kMalformed, "leads out of the archive"},
      {"ZipBackslash", with_member([](auto& m) { m.name = "archive\\data\\0"; }), kMalformed,
       "leads out of the archive"},
      {"ZipDriveName", with_member([](auto& m) { m.name = "C:/x"; }), kMalformed, "leads out of the archive"},
      {"ZipNulInName", with_member([](auto& m) { m.name = std::string("archive/data/0\0x", 16); }), kMalformed,
       "leads out of the archive"},
      {"ZipEmptyName", with_member([](auto& m) { m.name = ""; }), kMalformed, "leads out of the archive"},
      {"ZipFolderEntry", with_member([](auto& m) { m.name = "archive/data/"; }), kMalformed,
       "leads out of the archive"},
      {"ZipEndlessName", with_member([](auto& m) { m.name = "archive/" + std::string(5000, 'x'); }), kMalformed,
       "leads out of the archive"},
      {"ZipMemberComment", with_member([](auto& m) { m.central_comment = "hi"; }), kUnsupported, "has a comment"},
      {"ZipLocalNameDiffers", with_member([](auto& m) { m.local_name = "archive/data/9"; }), kMalformed,
       "described differently by its local header"},
      {"ZipLocalSizeDiffers", with_member([&](auto& m) {
         plain(m);
         m.local_size = 23;
       }),
       kMalformed, "described differently by its local header"},
      {"ZipLocalSizeDiffersBeforeDescriptor", with_member([](auto& m) { m.local_size = 23; }), kMalformed,
       "described differently by its local header"},
      {"ZipLocalCrcDiffers", with_member([](auto& m) { m.local_crc = 5; }), kMalformed,
       "described differently by its local header"},
      {"ZipDescriptorDiffers", with_member([](auto& m) { m.descriptor_crc = 5; }), kMalformed,
       "data descriptor contradicts"},
      {"ZipDescriptorMissing", with_member([&](auto& m) {
         plain(m);
         m.flags = 8;
       }),
       kMalformed, "no data descriptor"},
      {"ZipTwoSizes", with_member([](auto& m) { m.plain_size = 25; }), kMalformed, "two sizes"},
      {"ZipSizeBeyondTheFile", with_member([](auto& m) { m.central_size = 1u << 30; }), kMalformed,
       "larger than the file"},
      {"ZipOffsetBeyondTheFile", with_members([](auto& ms) { ms.back().offset = 1u << 30; }), kMalformed,
       "begins after bytes"},
      {"Zip64FieldMissing", with_member([](auto& m) { m.central_size = kSaturated; }), kMalformed,
       "refers to a zip64 field that it has not"},
      {"Zip64FieldTooShort", with_member([](auto& m) {
         m.central_size = kSaturated;
         m.central_extra = zip64_extra({24});
       }),
       kMalformed, "zip64 field that does not fit"},
      {"Zip64FieldUnasked", with_member([](auto& m) { m.central_extra = zip64_extra({24}); }), kMalformed,
       "zip64 field that does not fit"},
      {"Zip64FieldTwice", with_member([](auto& m) {
         m.central_size = kSaturated;
         m.central_extra = zip64_extra({24, 24}) + zip64_extra({24, 24});
       }),
       kMalformed, "two zip64 fields"},
      {"Zip64SizeLies", with_member([](auto& m) {
         m.central_size = kSaturated;
         m.central_extra = zip64_extra({1ull << 62, 1ull << 62});
       }),
       kMalformed, "larger than the file"},
      {"ZipExtraCutOff", with_member([](auto& m) { m.central_extra = number_bytes(7, 2) + number_bytes(99, 2); }),
       kMalformed, "cut off"},
      {"ZipSeveralFolders", with_members([](auto& ms) { ms.push_back({"other/x", ""}); }), kUnsupported,
       "several top folders"},
      {"ZipWithoutPickle", test::zip_file({{"archive/version", "3"}}), kUnsupported, "no data.pkl"},
      {"ZipOfNothing", std::string("PK\3\4") + test::zip_file({}, {}), kMalformed, "not where its end record says"},
      {"TorchScript", with_members([](auto& ms) { ms.push_back({"archive/constants.pkl", ""}); }), kUnsupported,
       "TorchScript"},
      {"BigEndian", with_members([](auto& ms) { ms[1].content = "big"; }), kUnsupported, "byte order 'big'"},
      {"PickleCrcWrong", with_members([](auto& ms) { ms[0].crc = 1; }), kMalformed, "'archive/data.pkl' is damaged"},
      {"BytesAfterPickle", with_members([](auto& ms) { ms[0].content += "x"; }), kMalformed,
       "1 bytes follow the pickle"},
  };
}

// ---- pickles ---------------------------------------------------------------------------------------------

std::string zip_of(const std::string& pickle) { return torch_zip(pickle, {{"0", kSixFloats}}); }

std::string repeated(const std::string& part, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += part;
  return text;
}

/// A list of two times a list of two times ...: small to write, endless to walk.
std::string laughing_lists() {
  std::string text = "]q" + std::string(1, '\0');
  for (int i = 1; i < 60; ++i) {
    const std::string before = "h" + std::string(1, char(i - 1));
    text += "](" + before + before + "eq" + std::string(1, char(i));
  }
  return whole("(" + text + "t");
}

std::vector<Hostile> pickle_files() {
  return {
      {"PickleEmpty", zip_of(""), kMalformed, "the pickle is cut off"},
      {"PickleWithoutProtocol", zip_of("N."), kMalformed, "does not begin with its protocol"},
      {"PickleProtocol0", zip_of(std::string("\x80\x00N.", 4)), kUnsupported, "protocol 0"},
      {"PickleProtocol9", zip_of("\x80\x09N."), kUnsupported, "protocol 9"},
      {"PickleWithoutStop", zip_of("\x80\x02N"), kMalformed, "cut off"},
      {"PickleLeftovers", zip_of(whole("NN")), kMalformed, "values left over"},
      {"PickleNothing", zip_of(whole("")), kMalformed, "a value that is not there"},
      {"PickleUnknownOperation", zip_of(whole(std::string(1, '\xff'))), kUnsupported, "operation 0xff at byte 2"},
      {"PickleExtensionRegistry", zip_of(whole("\x82\x01")), kUnsupported, "operation 0x82"},
      {"PickleInst", zip_of(whole("(ios\nsystem\n")), kUnsupported, "operation 0x69"},
      {"PickleTextLongerThanFile", zip_of(whole("X" + number_bytes(0x7fffffff, 4))), kMalformed,
       "2147483647 bytes wanted"},
      {"PickleBytes8Bomb", zip_of("\x80\x04\x8e" + number_bytes(~0ull, 8) + "."), kMalformed, "cut off"},
      {"PickleFrameBomb", zip_of("\x80\x04\x95" + number_bytes(1ull << 50, 8) + "N."), kMalformed, "frame longer"},
      {"PickleMemoNeverMade", zip_of(whole("h\x05")), kMalformed, "memo entry 5, which was never made"},
      {"PickleMarkMissing", zip_of(whole("t")), kMalformed, "was not begun"},
      {"PickleReachesBelowMark", zip_of(whole("N(R")), kMalformed, "a value that is not there"},
      {"PickleKeyWithoutValue", zip_of(whole("}(Nu")), kMalformed, "a key without a value"},
      {"PickleAppendToNumber", zip_of(whole("K\x01Na")), kMalformed, "what is no container"},
      {"PickleCallWithoutTuple", zip_of(whole(global("os", "system") + "NR")), kMalformed,
       "arguments that are no tuple"},
      {"PickleGlobalCutOff",
       zip_of("\x80\x02"
              "cos"),
       kMalformed, "within a line of text"},
      {"PickleGlobalOfNumbers", zip_of(whole("K\x01K\x02\x93")), kMalformed, "by something else than text"},
      {"PickleMarkBomb", zip_of(whole(repeated("(", 2000))), kTooLarge, "more than 1000 nested containers"},
      {"PickleValueBomb", zip_of(whole(repeated(")0", 1'000'001))), kTooLarge, "more than 1000000 values"},
      {"PickleDupBomb", zip_of(whole("N" + repeated("2", 1'000'001))), kTooLarge, "1000000 values at once"},
      {"PickleMemoBomb",
       zip_of(whole("N" +
                    [] {
                      std::string puts;
                      for (std::uint64_t i = 0; i < 1'000'001; ++i) puts += "r" + number_bytes(i, 4);
                      return puts;
                    }())),
       kTooLarge, "1000000 memo entries"},
      {"DictionaryDepthBomb", zip_of(whole(repeated("}X" + number_bytes(1, 4) + "a", 100) + "N" + repeated("s", 100))),
       kTooLarge, "nested more than 64 deep"},
      {"ListThatHoldsItself", zip_of(whole(std::string("]q\0h\0a", 6))), kTooLarge, "nested more than 64 deep"},
      {"BillionLaughs", zip_of(laughing_lists()), kTooLarge, "values (shared ones count each time)"},
      {"EndlessNames",
       zip_of(whole("}(" + text(std::string(40'000, 'n')) + std::string("q\0", 2) + "](" + repeated("N", 5000) + "eu")),
       kTooLarge, "has names of more than"},
  };
}

// ---- storages and tensors ----------------------------------------------------------------------------------

std::string zip_with(const std::string& tensor_value) { return zip_of(whole(dictionary({{"w", tensor_value}}))); }

std::string raw_tensor(const std::vector<std::string>& arguments) {
  return call(global("torch._utils", "_rebuild_tensor_v2"), arguments);
}

std::string raw_storage(const std::vector<std::string>& parts) { return tuple(parts) + "Q"; }

std::vector<Hostile> tensor_files() {
  const std::string six = storage("FloatStorage", "0", 6);
  const std::string floats = global("torch", "FloatStorage");
  return {
      {"StorageClaimsMore", zip_with(tensor(storage("FloatStorage", "0", 7), 0, {7}, {1})), kMalformed,
       "should have 28 bytes, the zip has 24"},
      {"StorageClaimsLess", zip_with(tensor(storage("FloatStorage", "0", 5), 0, {5}, {1})), kMalformed,
       "should have 20 bytes, the zip has 24"},
      {"StorageOfAnotherType", zip_with(tensor(storage("DoubleStorage", "0", 6), 0, {6}, {1})), kMalformed,
       "should have 48 bytes"},
      {"StorageCountOverflows", zip_with(tensor(storage("FloatStorage", "0", (1ll << 62) + 6), 0, {6}, {1})),
       kMalformed, "impossible element count"},
      {"StorageCountNegative", zip_with(tensor(storage("FloatStorage", "0", -6), 0, {6}, {1})), kMalformed,
       "impossible element count"},
      {"StorageNotThere", zip_with(tensor(storage("FloatStorage", "1", 6), 0, {6}, {1})), kMalformed,
       "storage '1' is not in the zip"},
      {"StorageKeyEscapes", zip_with(tensor(storage("FloatStorage", "../version", 6), 0, {6}, {1})), kMalformed,
       "is not in the zip"},
      {"StorageClassUnknown", zip_with(tensor(storage("EvilStorage", "0", 6), 0, {6}, {1})), kUnsupported,
       "unknown class 'torch.EvilStorage'"},
      {"StorageClassFromElsewhere",
       zip_with(tensor(raw_storage({text("storage"), global("os", "FloatStorage"), text("0"), text("cpu"), integer(6)}),
                       0, {6}, {1})),
       kUnsupported, "unknown class 'os.FloatStorage'"},
      {"StorageDescribedTwice",
       zip_of(whole(
           dictionary({{"a", tensor(six, 0, {6}, {1})}, {"b", tensor(storage("IntStorage", "0", 6), 0, {6}, {1})}}))),
       kMalformed, "storage '0' is described twice"},
      {"PersistentIdOfAnotherKind", zip_with(raw_storage({text("module"), text("x")})), kUnsupported,
       "persistent id of kind 'module'"},
      {"PersistentIdIsText", zip_with(text("0") + "Q"), kMalformed, "persistent id that is not"},
      {"PersistentIdTooShort", zip_with(raw_storage({text("storage"), floats, text("0")})), kMalformed,
       "a storage id of 3 parts"},
      {"StorageView", zip_with(raw_storage({text("storage"), floats, text("0"), text("cpu"), integer(6), tuple({})})),
       kUnsupported, "torch 0.3"},
      {"StorageKeyIsNumber", zip_with(raw_storage({text("storage"), floats, integer(0), text("cpu"), integer(6)})),
       kMalformed, "key is not text"},
      {"TensorBeyondStorage", zip_with(tensor(six, 0, {7}, {1})), kMalformed, "tensor 'w': its offset 0, shape [7]"},
      {"OffsetBeyondStorage", zip_with(tensor(six, 3, {2, 2}, {2, 1})), kMalformed, "reach beyond storage '0'"},
      {"StrideBeyondStorage", zip_with(tensor(six, 0, {2, 3}, {4, 1})), kMalformed, "reach beyond storage '0'"},
      {"StrideOverflows", zip_with(tensor(six, 0, {3, 2}, {1ll << 62, 1})), kMalformed, "reach beyond storage '0'"},
      {"NegativeOffset", zip_with(tensor(six, -1, {6}, {1})), kMalformed, "its offset is negative"},
      {"NegativeStride", zip_with(tensor(six, 5, {6}, {-1})), kMalformed, "its strides is negative"},
      {"NegativeSize", zip_with(tensor(six, 0, {-6}, {1})), kMalformed, "its size is negative"},
      {"SizeOverflows", zip_with(tensor(six, 0, {1ll << 40, 1ll << 40}, {0, 0})), kMalformed,
       "more elements than can be counted"},
      {"ExpansionBomb", zip_with(tensor(six, 0, {1ll << 40}, {0})), kUnsupported, "more than once"},
      {"FewerStridesThanExtents", zip_with(tensor(six, 0, {2, 3}, {1})), kMalformed, "2 extents, but 1 strides"},
      {"DimensionBombTensor",
       zip_with(tensor(six, 0, std::vector<std::int64_t>(40, 1), std::vector<std::int64_t>(40, 1))), kMalformed,
       "more than 32 dimensions"},
      {"SizeIsText", zip_with(raw_tensor({six, integer(0), text("6"), tuple({integer(1)}), boolean(false), none()})),
       kMalformed, "its size is not a tuple"},
      {"OffsetIsText", zip_with(raw_tensor({six, text("0"), tuple({}), tuple({}), boolean(false), none()})), kMalformed,
       "its offset is not a whole number"},
      {"TensorWithoutStorage", zip_with(raw_tensor({text("0"), integer(0), tuple({}), tuple({})})), kMalformed,
       "does not refer to a storage"},
      {"TensorWithoutArguments", zip_with(raw_tensor({})), kMalformed, "has too few arguments"},
      {"ParameterOfParameterOf", zip_with([&] {
         std::string value = tensor(six, 0, {6}, {1});
         for (int i = 0; i < 8; ++i) value = call(global("torch._utils", "_rebuild_parameter"), {value});
         return value;
       }()),
       kMalformed, "wrapped too many times"},
      {"SameNameTwice", zip_of(whole(dictionary({{"w", dense("0", {6})}, {"w", dense("0", {6})}}))), kMalformed,
       "tensor 'w' is there twice"},
  };
}

// ---- stream format -------------------------------------------------------------------------------------------

std::string legacy(const std::function<void(LegacyParts&)>& spoil) {
  LegacyParts parts = test::legacy_parts(good_pickle(), {{"0", kSixFloats}});
  spoil(parts);
  return parts.joined();
}

std::vector<Hostile> legacy_files() {
  return {
      {"LegacyNotTorch", whole(dictionary({{"a", integer(1)}})), kUnsupported, "magic number is missing"},
      {"LegacyOnlyMagic", legacy([](auto& p) { p.version = p.system = p.object = p.keys = p.storages = ""; }),
       kMalformed, "the stream version: the pickle is cut off"},
      {"LegacyVersion", legacy([](auto& p) { p.version = whole(integer(1002)); }), kUnsupported, "version than 1001"},
      {"LegacyBigEndian", legacy([](auto& p) { p.system = whole(dictionary({{"little_endian", boolean(false)}})); }),
       kUnsupported, "little-endian"},
      {"LegacySystemIsList", legacy([](auto& p) { p.system = whole(list({})); }), kMalformed, "no dictionary"},
      {"LegacyObjectCutOff", legacy([](auto& p) {
         p.object.resize(20);
         p.keys = p.storages = "";
       }),
       kMalformed, "the object: the pickle is cut off"},
      {"LegacyKeysAreNumbers", legacy([](auto& p) { p.keys = whole(list({integer(0)})); }), kMalformed,
       "key is not text"},
      {"LegacyKeysAreText", legacy([](auto& p) { p.keys = whole(text("0")); }), kMalformed, "keys are no list"},
      {"LegacyUnknownKey", legacy([](auto& p) { p.keys = whole(list({text("7")})); }), kMalformed,
       "'7' is listed, but nothing refers to it"},
      {"LegacyKeyTwice", legacy([](auto& p) {
         p.keys = whole(list({text("0"), text("0")}));
         p.storages += p.storages;
       }),
       kMalformed, "listed twice"},
      {"LegacyStorageMissing", legacy([](auto& p) {
         p.keys = whole(list({}));
         p.storages = "";
       }),
       kMalformed, "storage '0' is not in the file"},
      {"LegacyCountLies", legacy([](auto& p) { p.storages[0] = 7; }), kMalformed,
       "should have 6 elements, the file says 7"},
      {"LegacyCountNegative", legacy([](auto& p) { p.storages.replace(0, 8, number_bytes(~0ull, 8)); }), kMalformed,
       "should have 6 elements"},
      {"LegacyStorageCutOff", legacy([](auto& p) { p.storages.resize(20); }), kMalformed, "the file is cut off"},
      {"LegacyTrailingBytes", legacy([](auto& p) { p.storages += "x"; }), kMalformed,
       "1 bytes follow the last storage"},
      {"NeitherZipNorPickle", "hello, I am a text file", kUnsupported, "neither a zip nor a pickle"},
      {"EmptyFile", "", kUnsupported, "neither a zip nor a pickle"},
  };
}

class HostileCheckpoint : public testing::TestWithParam<Hostile> {};

TEST_P(HostileCheckpoint, IsRefused) {
  test::expect_refused(GetParam(), "weights.pth", [](std::string_view bytes) {
    Checkpoint checkpoint = Checkpoint::from_bytes(test::bytes_of(bytes), "weights.pth");
    for (const CheckpointTensor& tensor : checkpoint.tensors()) checkpoint.view(tensor);
  });
}

const auto kName = [](const auto& file) { return file.param.name; };
INSTANTIATE_TEST_SUITE_P(Zip, HostileCheckpoint, testing::ValuesIn(zip_files()), kName);
INSTANTIATE_TEST_SUITE_P(Pickle, HostileCheckpoint, testing::ValuesIn(pickle_files()), kName);
INSTANTIATE_TEST_SUITE_P(Tensor, HostileCheckpoint, testing::ValuesIn(tensor_files()), kName);
INSTANTIATE_TEST_SUITE_P(Legacy, HostileCheckpoint, testing::ValuesIn(legacy_files()), kName);

TEST(HostileCheckpoints, TheUnspoiltOnesAreGood) {
  for (const std::string& bytes : {zip_of(good_pickle()), with_tail({}), with_tail({.zip64 = true}),
                                   legacy([](auto&) {}), with_member([](auto& m) { m.descriptor_bytes = 24; })}) {
    Checkpoint checkpoint = Checkpoint::from_bytes(test::bytes_of(bytes), "x");
    ASSERT_EQ(checkpoint.tensors().size(), 1u);
    EXPECT_EQ(checkpoint.view(checkpoint.tensors()[0]).bytes.size(), 24u);
  }
}

TEST(HostileCheckpoints, DamagedStorageIsFoundWhenItIsRead) {
  const std::string bytes = with_member([](auto& m) { m.crc = 77; });
  Checkpoint checkpoint = Checkpoint::from_bytes(test::bytes_of(bytes), "x.pth");
  const auto result = capture([&] { return checkpoint.view(checkpoint.tensors()[0]); });
  EXPECT_EQ(result.error().code(), kMalformed);
  EXPECT_THAT(result.error().message(),
              testing::HasSubstr("x.pth: tensor 'w': zip member 'archive/data/0' is damaged"));
}

/// Cutting a good file anywhere makes a bad one.
TEST(HostileCheckpoints, EveryPrefixIsRefused) {
  for (const std::string& whole_file : {zip_of(good_pickle()), legacy([](auto&) {})}) {
    for (std::size_t length = 0; length < whole_file.size(); ++length) {
      const std::string part = whole_file.substr(0, length);
      EXPECT_THROW(Checkpoint::from_bytes(test::bytes_of(part), "x"), Failure) << length;
    }
  }
}

}  // namespace
}  // namespace chexworld
