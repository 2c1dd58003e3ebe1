// SPDX-License-Identifier: Apache-2.0
#include "dicom/dicom_file.h"

#include "base/failure.h"
#include "base/mapped_file.h"
#include "dicom/dcmtk_setup.h"
#include "dicom/inflate.h"
#include "dicom/transfer_syntax.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dctk.h>
#include <optional>

namespace chexworld {
namespace {

E_TransferSyntax dcmtk_syntax(ElementEncoding encoding) {
  switch (encoding) {
    case ElementEncoding::kImplicitLittle: return EXS_LittleEndianImplicit;
    case ElementEncoding::kExplicitBig: return EXS_BigEndianExplicit;
    case ElementEncoding::kExplicitLittle: break;
  }
  return EXS_LittleEndianExplicit;
}

std::vector<std::byte> gather(std::span<const std::byte> bytes, const std::vector<ByteRange>& ranges) {
  std::vector<std::byte> all;
  for (const ByteRange& range : ranges) {
    const auto part = bytes.subspan(range.offset, range.length);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::string_view uid_of(ElementEncoding encoding) {
  switch (encoding) {
    case ElementEncoding::kImplicitLittle: return "1.2.840.10008.1.2";
    case ElementEncoding::kExplicitBig: return "1.2.840.10008.1.2.2";
    case ElementEncoding::kExplicitLittle: break;
  }
  return "1.2.840.10008.1.2.1";
}

}  // namespace

struct DicomFile::State {
  explicit State(const DecodeLimits& l) : limits(l) {}

  DecodeLimits limits;
  std::optional<MappedFile> mapped;
  std::vector<std::byte> owned;
  std::span<const std::byte> file;
  FileMeta meta;
  std::string transfer_syntax_uid;
  std::vector<std::byte> inflated;
  std::span<const std::byte> dataset_bytes;
  DatasetStructure structure;
  std::unique_ptr<DcmDataset> parsed;
  std::optional<DicomDataset> dataset;
  std::vector<std::string> doubts;

  void find_transfer_syntax();
  void find_dataset(const TransferSyntax& syntax, const Deadline& deadline);
  void parse_header(ElementEncoding encoding);
};

void DicomFile::State::find_transfer_syntax() {
  meta = read_file_meta(file);
  doubts = meta.doubts;
  transfer_syntax_uid = meta.transfer_syntax_uid();
  if (!transfer_syntax_uid.empty()) return;
  const auto guess = guess_encoding(file.subspan(meta.dataset_offset));
  if (!guess) fail(ErrorCode::kMalformed, "no Transfer Syntax UID (0002,0010), and the data set does not show its own");
  if (meta.present) doubts.push_back("no Transfer Syntax UID (0002,0010)");
  transfer_syntax_uid = uid_of(*guess);
}

void DicomFile::State::find_dataset(const TransferSyntax& syntax, const Deadline& deadline) {
  dataset_bytes = file.subspan(meta.dataset_offset);
  std::size_t base = meta.dataset_offset;
  if (syntax.deflated) {
    inflated = inflate_dataset(dataset_bytes, limits, deadline);
    dataset_bytes = inflated;
    base = 0;
  }
  structure = check_structure(dataset_bytes, syntax.encoding, limits, deadline, base);
  for (const DicomTag tag : structure.left_out) {
    if (tag.group % 2 == 0) doubts.push_back("the long value of " + to_string(tag) + " was not read");
  }
}

void DicomFile::State::parse_header(ElementEncoding encoding) {
  set_up_dcmtk();
  const std::vector<std::byte> header = gather(dataset_bytes, structure.header);
  parsed = std::make_unique<DcmDataset>();
  dataset.emplace(*parsed);
  if (header.empty()) return;
  DcmInputBufferStream stream;
  stream.setBuffer(header.data(), offile_off_t(header.size()));
  stream.setEos();
  parsed->transferInit();
  const OFCondition read = parsed->read(stream, dcmtk_syntax(encoding));
  parsed->transferEnd();
  if (read.bad()) fail(ErrorCode::kMalformed, std::string("the data set cannot be parsed: ") + read.text());
}

DicomFile DicomFile::parse(std::unique_ptr<State> state) {
  const Deadline deadline(state->limits.max_time);
  if (state->file.size() > state->limits.max_bytes) {
    fail(ErrorCode::kTooLarge, "the file has " + std::to_string(state->file.size()) + " bytes, the limit is " +
                                   std::to_string(state->limits.max_bytes));
  }
  state->find_transfer_syntax();
  const TransferSyntax& syntax = transfer_syntax(state->transfer_syntax_uid);
  state->find_dataset(syntax, deadline);
  state->parse_header(syntax.encoding);
  return DicomFile(std::move(state));
}

DicomFile DicomFile::open(const std::filesystem::path& path, const DecodeLimits& limits) {
  auto state = std::make_unique<State>(limits);
  state->mapped.emplace(path);
  state->file = state->mapped->bytes();
  return parse(std::move(state));
}

DicomFile DicomFile::from_bytes(std::vector<std::byte> bytes, const DecodeLimits& limits) {
  auto state = std::make_unique<State>(limits);
  state->owned = std::move(bytes);
  state->file = state->owned;
  return parse(std::move(state));
}

DicomFile DicomFile::from_view(std::span<const std::byte> bytes, const DecodeLimits& limits) {
  auto state = std::make_unique<State>(limits);
  state->file = bytes;
  return parse(std::move(state));
}

DicomFile::DicomFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
DicomFile::DicomFile(DicomFile&&) noexcept = default;
DicomFile& DicomFile::operator=(DicomFile&&) noexcept = default;
DicomFile::~DicomFile() = default;

const DicomDataset& DicomFile::dataset() const { return *state_->dataset; }
const std::string& DicomFile::transfer_syntax_uid() const { return state_->transfer_syntax_uid; }
const FileMeta& DicomFile::meta() const { return state_->meta; }
const DecodeLimits& DicomFile::limits() const { return state_->limits; }
bool DicomFile::has_pixel_data() const { return state_->structure.pixel_data.has_value(); }
std::span<const std::byte> DicomFile::dataset_bytes() const { return state_->dataset_bytes; }
const std::vector<std::string>& DicomFile::doubts() const { return state_->doubts; }

const PixelDataLocation& DicomFile::pixel_data() const {
  if (!has_pixel_data()) fail(ErrorCode::kMalformed, "there is no Pixel Data (7fe0,0010)");
  return *state_->structure.pixel_data;
}

}  // namespace chexworld
