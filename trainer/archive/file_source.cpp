// SPDX-License-Identifier: Apache-2.0
#include "trainer/archive/file_source.h"

#include "base/csv.h"
#include "base/failure.h"
#include "base/mapped_file.h"
#include "dicom/dicom_file.h"
#include "dicom/instance_tags.h"
#include "dicom/radiograph.h"
#include "image/png.h"

#include <algorithm>
#include <cctype>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

constexpr DicomTag kPatientId{0x0010, 0x0020}, kIssuerOfPatientId{0x0010, 0x0021};
constexpr DicomTag kAccessionNumber{0x0008, 0x0050};
constexpr double kOldestShown = 90;  // years; the few people above would stand out

bool starts_with(std::span<const std::byte> bytes, std::string_view signature) {
  return bytes.size() >= signature.size() && std::equal(signature.begin(), signature.end(), bytes.begin(),
                                                        [](char c, std::byte b) { return std::byte(c) == b; });
}

bool is_picture(std::span<const std::byte> bytes) {
  return starts_with(bytes, "\x89PNG\r\n\x1a\n") || starts_with(bytes, "\xFF\xD8\xFF");
}

/// Two hospitals may number their patients alike.
std::string patient_of(const DicomDataset& dataset) {
  const std::string id = dataset.text(kPatientId).value_or("");
  const std::string issuer = dataset.text(kIssuerOfPatientId).value_or("");
  return id.empty() || issuer.empty() ? id : issuer + "\\" + id;
}

std::string view_name(const GateVerdict& gate) {
  return gate.projection != Projection::kUnknown ? std::string(name_of(gate.projection))
                                                 : std::string(name_of(gate.view));
}

/// What subgroups are told apart by. Only what is known gets a column.
void add_columns(const InstanceTags& tags, SourceFilm& film) {
  if (!tags.sex.empty()) film.columns["sex"] = tags.sex;
  if (!tags.device.empty()) film.columns["device"] = tags.device;
  if (tags.age_years) film.columns["age"] = std::to_string(int(std::min(*tags.age_years, kOldestShown)));
}

/// Not worth losing a film for.
std::string accession_number(const DicomFile& file) {
  try {
    return file.dataset().text(kAccessionNumber).value_or("");
  } catch (const Failure&) {
    return "";
  }
}

void add_ids(const DicomFile& file, const InstanceTags& tags, SourceFilm& film) {
  film.ids[kInstanceKeyColumn] = tags.sop_instance_uid;
  film.ids[kStudyKeyColumn] = tags.study_instance_uid;
  film.ids[kAccessionKeyColumn] = accession_number(file);
}

SourceFilm film_of_dicom(std::span<const std::byte> bytes, const ArchiveSettings& settings) {
  const DicomFile file = DicomFile::from_view(bytes);
  RenderOptions render;
  render.fast = settings.bits == 8;
  render.short_side = 2 * settings.short_side;  // margins are cut off afterwards
  render.float_picture = settings.bits == 16;
  Radiograph radiograph = load_radiograph(file, render);
  SourceFilm film;
  if (!radiograph.gate.accepted()) {
    film.outcome = SourceFilm::Outcome::kSkipped;
    film.reason = name_of(radiograph.gate.reason);
    return film;
  }
  film.picture = std::move(radiograph.picture);
  film.grey = std::move(radiograph.grey);
  film.patient = patient_of(file.dataset());
  film.columns["view"] = view_name(radiograph.gate);
  const InstanceTags tags = read_instance_tags(file, "");
  add_columns(tags, film);
  add_ids(file, tags, film);
  return film;
}

/// Words that columns with names, numbers or dates of patients have in theirs.
void require_harmless(const std::string& column, const TableOptions& table) {
  std::string lower = column;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  const auto says = [&](const char* word) { return lower.find(word) != std::string::npos; };
  const bool identifies = column == table.patient_column || lower == "patient" || lower == "mrn" ||
                          says("patient_id") || says("patientid") || says("name") || says("birth") ||
                          says("accession") || says("address") || says("phone") || says("path");
  if (identifies)
    fail(ErrorCode::kInvalidArgument,
         "column '" + column +
             "' may identify patients and is not carried into an archive; --patient-column makes "
             "pseudonyms of patient numbers");
}

}  // namespace

SourceFilm film_of(std::span<const std::byte> bytes, const ArchiveSettings& settings) {
  try {
    if (!is_picture(bytes)) return film_of_dicom(bytes, settings);
    SourceFilm film;
    film.picture = decode_picture(bytes);
    return film;
  } catch (...) {
    return unreadable_film(current_error().message());
  }
}

SourceFilm unreadable_film(std::string reason) {
  SourceFilm film;
  film.outcome = SourceFilm::Outcome::kUnreadable;
  film.reason = std::move(reason);
  return film;
}

FileSource FileSource::walk(fs::path folder) {
  FileSource source(std::move(folder));
  std::error_code error;
  fs::recursive_directory_iterator at(source.folder_, fs::directory_options::skip_permission_denied, error);
  if (error) fail(ErrorCode::kNotFound, "reading the folder " + source.folder_.string() + ": " + error.message());
  for (; at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (error) break;
    if (at->is_regular_file(error))
      source.items_.push_back({at->path().lexically_relative(source.folder_).string(), "", {}});
  }
  std::sort(source.items_.begin(), source.items_.end(),
            [](const SourceItem& a, const SourceItem& b) { return a.place < b.place; });
  return source;
}

FileSource FileSource::from_table(fs::path folder, const TableOptions& options) {
  const CsvTable table = read_csv_file(options.path);
  const auto column = [&](const std::string& name) {
    return within(options.path.string(), [&] { return table.column(name); });
  };
  FileSource source(std::move(folder));
  const std::size_t file = column(options.file_column);
  for (const std::string& name : options.carry) require_harmless(name, options), column(name);
  for (const std::vector<std::string>& row : table.rows) {
    if (!std::all_of(options.keep.begin(), options.keep.end(),
                     [&](const auto& wanted) { return row[column(wanted.first)] == wanted.second; }))
      continue;
    SourceItem item{row[file], options.patient_column.empty() ? "" : row[column(options.patient_column)], {}};
    for (const std::string& name : options.carry) item.columns[name] = row[column(name)];
    source.items_.push_back(std::move(item));
  }
  return source;
}

SourceFilm FileSource::read(const SourceItem& item, const ArchiveSettings& settings) const {
  try {
    const MappedFile file(folder_ / item.place);
    return film_of(file.bytes(), settings);
  } catch (...) {
    return unreadable_film(current_error().message());
  }
}

}  // namespace chexworld
