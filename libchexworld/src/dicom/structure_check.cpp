// SPDX-License-Identifier: Apache-2.0
#include "dicom/structure_check.h"

#include "base/failure.h"
#include "dicom/byte_order.h"
#include "dicom/dcmtk_setup.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace chexworld {
namespace {

constexpr std::uint32_t kUndefinedLength = 0xffffffff;
constexpr std::uint16_t kVrNone = 0;  // implicit VR

constexpr std::uint16_t vr(const char (&name)[3]) {
  return std::uint16_t(std::uint8_t(name[0]) << 8 | std::uint8_t(name[1]));
}

constexpr auto kLongVrs = std::to_array({vr("OB"), vr("OD"), vr("OF"), vr("OL"), vr("OV"), vr("OW"), vr("SQ"), vr("SV"),
                                         vr("UC"), vr("UN"), vr("UR"), vr("UT"), vr("UV")});
constexpr auto kShortVrs = std::to_array({vr("AE"), vr("AS"), vr("AT"), vr("CS"), vr("DA"), vr("DS"), vr("DT"),
                                          vr("FD"), vr("FL"), vr("IS"), vr("LO"), vr("LT"), vr("PN"), vr("SH"),
                                          vr("SL"), vr("SS"), vr("ST"), vr("TM"), vr("UI"), vr("UL"), vr("US")});

template <class List>
bool contains(const List& list, std::uint16_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

struct ElementHeader {
  DicomTag tag;
  std::uint16_t vr = kVrNone;
  std::uint32_t length = 0;
  std::size_t start = 0;
  std::size_t value = 0;  // offset of the value
};

/// Reads headers of elements and says what is wrong with them.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::size_t base) : bytes_(bytes), base_(base) {}

  ElementHeader header(std::size_t at, std::size_t end, ElementEncoding encoding) const {
    if (end - at < 8) damaged("the data end inside the tag or length of an element", at);
    const bool big = encoding == ElementEncoding::kExplicitBig;
    ElementHeader element{.tag = {u16(at, big), u16(at + 2, big)}, .start = at, .value = at + 8};
    if (encoding == ElementEncoding::kImplicitLittle || element.tag.group == 0xfffe) {
      element.length = u32(at + 4, big);
    } else {
      explicit_length(element, end, big);
    }
    return element;
  }

  /// End of a value of known length.
  std::size_t value_end(const ElementHeader& element, std::size_t end) const {
    if (element.length > end - element.value) {
      damaged(to_string(element.tag) + " says it has " + std::to_string(element.length) + " bytes, but only " +
                  std::to_string(end - element.value) + " are left",
              element.start);
    }
    return element.value + element.length;
  }

  [[noreturn]] void damaged(const std::string& what, std::size_t at) const {
    fail(ErrorCode::kMalformed, "DICOM structure damaged at offset " + std::to_string(base_ + at) + ": " + what);
  }

  std::uint16_t u16(std::size_t at, bool big) const { return big ? load_be16(&bytes_[at]) : load_le16(&bytes_[at]); }
  std::uint32_t u32(std::size_t at, bool big) const { return big ? load_be32(&bytes_[at]) : load_le32(&bytes_[at]); }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void explicit_length(ElementHeader& element, std::size_t end, bool big) const {
    const std::size_t at = element.start;
    element.vr = load_be16(&bytes_[at + 4]);
    if (contains(kShortVrs, element.vr)) {
      element.length = u16(at + 6, big);
    } else if (contains(kLongVrs, element.vr)) {
      if (end - at < 12) damaged("the data end inside the length of " + to_string(element.tag), at);
      element.length = u32(at + 8, big);
      element.value = at + 12;
    } else {
      damaged(to_string(element.tag) + " has no known value representation", at);
    }
  }

  std::span<const std::byte> bytes_;
  std::size_t base_;
};

class Walker {
 public:
  Walker(std::span<const std::byte> bytes, const DecodeLimits& limits, const Deadline& deadline, std::size_t base)
      : reader_(bytes, base), limits_(limits), deadline_(deadline) {}

  DatasetStructure walk(ElementEncoding encoding) {
    const std::size_t end = reader_.bytes().size();
    std::size_t at = 0;
    while (at < end && !only_padding(at)) at = top_level_element(at, end, encoding);
    return std::move(found_);
  }

 private:
  bool only_padding(std::size_t at) const {
    const auto rest = reader_.bytes().subspan(at);
    if (rest.front() != std::byte{0}) return false;
    return std::all_of(rest.begin(), rest.end(), [](std::byte b) { return b == std::byte{0}; });
  }

  std::size_t top_level_element(std::size_t at, std::size_t end, ElementEncoding encoding) {
    const ElementHeader element = reader_.header(at, end, encoding);
    const std::size_t next = element_end(element, end, 0, encoding);
    if (element.tag == tags::kPixelData) {
      keep_pixel_data(element, next);
    } else if (element.length != kUndefinedLength && element.length > limits_.max_element_bytes) {
      found_.left_out.push_back(element.tag);
    } else {
      keep_header(at, next);
    }
    return next;
  }

  void keep_header(std::size_t at, std::size_t next) {
    if (!found_.header.empty() && found_.header.back().offset + found_.header.back().length == at) {
      found_.header.back().length += next - at;
    } else {
      found_.header.push_back({at, next - at});
    }
  }

  void keep_pixel_data(const ElementHeader& element, std::size_t next) {
    if (found_.pixel_data) reader_.damaged("Pixel Data (7fe0,0010) is there twice", element.start);
    PixelDataLocation location;
    if (element.length == kUndefinedLength) {
      location.encapsulated = true;
      location.fragments = std::move(last_fragments_);
      if (location.fragments.empty()) reader_.damaged("compressed Pixel Data (7fe0,0010) has no items", element.start);
      location.offset_table = location.fragments.front();
      location.fragments.erase(location.fragments.begin());
    } else {
      location.value = {element.value, next - element.value};
      location.words = element.vr == vr("OW");
    }
    found_.pixel_data = std::move(location);
  }

  /// Checks the value of an element and returns where the next one begins.
  std::size_t element_end(const ElementHeader& element, std::size_t end, std::uint32_t depth,
                          ElementEncoding encoding) {
    count(element);
    if (element.tag.group == 0xfffe) {
      reader_.damaged("item or delimiter " + to_string(element.tag) + " outside a sequence", element.start);
    }
    if (element.length == kUndefinedLength) return undefined_end(element, end, depth, encoding);
    const std::size_t value_end = reader_.value_end(element, end);
    if (holds_items(element, value_end)) sequence_end(element, value_end, depth, encoding);
    return value_end;
  }

  std::size_t undefined_end(const ElementHeader& element, std::size_t end, std::uint32_t depth,
                            ElementEncoding encoding) {
    if (element.tag == tags::kPixelData) return fragments_end(element, end, encoding);
    if (element.vr == vr("SQ") || element.vr == kVrNone) return sequence_end(element, end, depth, encoding);
    // PS3.5 section 6.2.2 note 4: a sequence whose writer did not know its tag
    if (element.vr == vr("UN")) return sequence_end(element, end, depth, ElementEncoding::kImplicitLittle);
    reader_.damaged(to_string(element.tag) + " must not have undefined length", element.start);
  }

  /// Without a VR the dictionary decides, as in DCMTK; whatever begins with an item is checked as well.
  bool holds_items(const ElementHeader& element, std::size_t value_end) const {
    if (element.vr != kVrNone) return element.vr == vr("SQ");
    if (element.tag == tags::kPixelData || value_end - element.value < 8) return false;
    const DicomTag first{reader_.u16(element.value, false), reader_.u16(element.value + 2, false)};
    return first == tags::kItem && (element.tag.group % 2 == 1 || dictionary_says_sequence(element.tag));
  }

  /// Items up to `end` (of a sequence with a length) or to the delimiter (of one without).
  std::size_t sequence_end(const ElementHeader& sequence, std::size_t end, std::uint32_t depth,
                           ElementEncoding encoding) {
    enter(sequence, depth + 1);
    std::size_t at = sequence.value;
    const bool delimited = sequence.length == kUndefinedLength;
    while (delimited || at < end) {
      if (at >= end) reader_.damaged("the sequence " + to_string(sequence.tag) + " is never closed", sequence.start);
      const ElementHeader item = reader_.header(at, end, encoding);
      if (delimited && item.tag == tags::kSequenceDelimitation) return item.value;
      if (item.tag != tags::kItem) {
        reader_.damaged("the sequence " + to_string(sequence.tag) + " holds something that is no item", at);
      }
      count(item);
      at = item_end(item, end, depth + 1, encoding);
    }
    return end;
  }

  std::size_t item_end(const ElementHeader& item, std::size_t end, std::uint32_t depth, ElementEncoding encoding) {
    const bool delimited = item.length == kUndefinedLength;
    if (!delimited) end = reader_.value_end(item, end);
    std::size_t at = item.value;
    while (delimited || at < end) {
      if (at >= end) reader_.damaged("an item of a sequence is never closed", item.start);
      const ElementHeader element = reader_.header(at, end, encoding);
      if (delimited && element.tag == tags::kItemDelimitation) return element.value;
      at = element_end(element, end, depth, encoding);
    }
    return end;
  }

  /// PS3.5 annex A.4: items without structure, the first one being the offset table.
  std::size_t fragments_end(const ElementHeader& element, std::size_t end, ElementEncoding encoding) {
    last_fragments_.clear();
    std::size_t at = element.value;
    while (true) {
      if (at >= end) reader_.damaged("compressed Pixel Data (7fe0,0010) is never closed", element.start);
      const ElementHeader item = reader_.header(at, end, encoding);
      if (item.tag == tags::kSequenceDelimitation) return item.value;
      if (item.tag != tags::kItem) {
        reader_.damaged("compressed Pixel Data (7fe0,0010) holds something that is no fragment", at);
      }
      count(item);
      at = reader_.value_end(item, end);
      last_fragments_.push_back({item.value, item.length});
    }
  }

  void enter(const ElementHeader& sequence, std::uint32_t depth) {
    found_.deepest = std::max(found_.deepest, depth);
    if (depth > limits_.max_nesting) {
      fail(ErrorCode::kTooLarge, "more than " + std::to_string(limits_.max_nesting) +
                                     " sequences inside one another, at " + to_string(sequence.tag));
    }
  }

  void count(const ElementHeader& element) {
    if (++found_.elements > limits_.max_elements) {
      fail(ErrorCode::kTooLarge, "more than " + std::to_string(limits_.max_elements) +
                                     " elements and items, reached at " + to_string(element.tag));
    }
    if (found_.elements % 256 == 0) deadline_.check();
  }

  Reader reader_;
  const DecodeLimits& limits_;
  const Deadline& deadline_;
  DatasetStructure found_;
  std::vector<ByteRange> last_fragments_;
};

bool known_vr(std::uint16_t value) { return contains(kShortVrs, value) || contains(kLongVrs, value); }

}  // namespace

std::string to_string(DicomTag tag) {
  char text[16];
  std::snprintf(text, sizeof text, "(%04x,%04x)", unsigned(tag.group), unsigned(tag.element));
  return text;
}

std::optional<ElementEncoding> guess_encoding(std::span<const std::byte> dataset) {
  if (dataset.size() < 8) return std::nullopt;
  const auto plausible = [](std::uint16_t group) { return group == 0x0008 || group == 0x0002; };
  const bool has_vr = known_vr(load_be16(&dataset[4]));
  if (plausible(load_le16(dataset.data()))) {
    if (has_vr) return ElementEncoding::kExplicitLittle;
    if (load_le32(&dataset[4]) <= dataset.size() - 8) return ElementEncoding::kImplicitLittle;
  }
  if (plausible(load_be16(dataset.data())) && has_vr) return ElementEncoding::kExplicitBig;
  return std::nullopt;
}

DatasetStructure check_structure(std::span<const std::byte> dataset, ElementEncoding encoding,
                                 const DecodeLimits& limits, const Deadline& deadline, std::size_t base) {
  return Walker(dataset, limits, deadline, base).walk(encoding);
}

namespace {

constexpr std::size_t kPreamble = 128;

std::string without_padding(std::span<const std::byte> value) {
  std::string text(reinterpret_cast<const char*>(value.data()), value.size());
  const std::size_t last = text.find_last_not_of(std::string_view(" \0", 2));
  return last == std::string::npos ? std::string() : text.substr(0, last + 1);
}

/// Where the meta information says that it ends (PS3.10 section 7.1); 0 where it does not say.
std::size_t declared_end(const ElementHeader& element, const Reader& reader) {
  if (element.tag != tags::kFileMetaInformationGroupLength || element.length != 4) return 0;
  return element.value + 4 + reader.u32(element.value, false);
}

void read_meta_elements(std::span<const std::byte> file, std::size_t at, FileMeta& meta) {
  const Reader reader(file, 0);
  std::size_t declared = 0;
  while (file.size() - at >= 2 && load_le16(&file[at]) == 0x0002) {
    const ElementHeader element = reader.header(at, file.size(), ElementEncoding::kExplicitLittle);
    at = reader.value_end(element, file.size());
    if (element.tag == tags::kFileMetaInformationGroupLength) declared = declared_end(element, reader);
    meta.texts[element.tag] = without_padding(file.subspan(element.value, element.length));
  }
  meta.present = true;
  meta.dataset_offset = at;
  if (declared > file.size()) {
    reader.damaged("File Meta Information Group Length (0002,0000) points beyond the end of the file", at);
  }
  if (declared != 0 && declared != at) {
    meta.doubts.push_back("File Meta Information Group Length (0002,0000) is not the length of that group");
  }
}

[[noreturn]] void not_dicom(const std::string& why) { fail(ErrorCode::kMalformed, "not a DICOM file: " + why); }

}  // namespace

std::string FileMeta::transfer_syntax_uid() const {
  const auto found = texts.find(tags::kTransferSyntaxUid);
  return found == texts.end() ? std::string() : found->second;
}

FileMeta read_file_meta(std::span<const std::byte> file) {
  FileMeta meta;
  if (file.empty()) not_dicom("it is empty");
  const bool magic = file.size() >= kPreamble + 4 && std::memcmp(&file[kPreamble], "DICM", 4) == 0;
  if (magic) {
    if (file.size() < kPreamble + 4 + 8) not_dicom("it ends after the mark DICM");
    read_meta_elements(file, kPreamble + 4, meta);
    if (meta.texts.empty()) not_dicom("no File Meta Information follows the mark DICM at offset 128");
    if (meta.dataset_offset == file.size()) not_dicom("it ends after the File Meta Information, without a data set");
    return meta;
  }
  if (!guess_encoding(file)) {
    if (file.size() < kPreamble + 4) not_dicom("it ends after " + std::to_string(file.size()) + " bytes");
    not_dicom("neither the mark DICM at offset 128 nor a data set at the start");
  }
  if (load_le16(file.data()) == 0x0002) read_meta_elements(file, 0, meta);
  meta.doubts.push_back("no preamble and mark DICM at the start of the file");
  return meta;
}

}  // namespace chexworld
