// SPDX-License-Identifier: Apache-2.0
#include "trainer/labels/film_table.h"

#include "base/failure.h"
#include "trainer/labels/label_value.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>

namespace chexworld {
namespace {

constexpr const char* kPatientColumn = "patient";

/// "SOP Instance UID", "sop_instance_uid" and "SOPInstanceUID" are one name.
std::string letters_of(std::string_view name) {
  std::string letters;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) letters += char(std::tolower(static_cast<unsigned char>(c)));
  return letters;
}

std::optional<FilmIdentity> identity_by_name(const std::string& column) {
  static const std::map<std::string, FilmIdentity> kNames{
      {"file", FilmIdentity::kFile},           {"filename", FilmIdentity::kFile},
      {"path", FilmIdentity::kFile},           {"image", FilmIdentity::kFile},
      {"film", FilmIdentity::kFile},

      {"imageindex", FilmIdentity::kFile},     {"sopinstanceuid", FilmIdentity::kInstance},
      {"instance", FilmIdentity::kInstance},   {"instanceuid", FilmIdentity::kInstance},
      {"imageuid", FilmIdentity::kInstance},   {"studyinstanceuid", FilmIdentity::kStudy},
      {"study", FilmIdentity::kStudy},         {"studyuid", FilmIdentity::kStudy},
      {"accession", FilmIdentity::kAccession}, {"accessionnumber", FilmIdentity::kAccession},
  };
  const auto found = kNames.find(letters_of(column));
  return found == kNames.end() ? std::nullopt : std::optional(found->second);
}

/// The archive's column of keyed hashes; files have theirs beside the columns.
const char* key_column(FilmIdentity identity) {
  switch (identity) {
    case FilmIdentity::kInstance: return kInstanceKeyColumn;
    case FilmIdentity::kStudy: return kStudyKeyColumn;
    case FilmIdentity::kAccession: return kAccessionKeyColumn;
    case FilmIdentity::kFile: break;
  }
  return "";
}

std::string digest_text(const ArchiveDigest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// What the archive knows its films by, for one kind of identity.
std::map<std::string, std::vector<std::int64_t>> films_by_key(const Archive& archive, FilmIdentity identity) {
  std::map<std::string, std::vector<std::int64_t>> films;
  const std::string column = key_column(identity);
  if (!column.empty() && !archive.has_column(column))
    fail(ErrorCode::kInvalidArgument,
         "the archive has no column '" + column +
             "': only films from DICOM objects have one, in archives built by this version or a later one; name films "
             "by their file instead");
  for (std::int64_t film = 0; film < archive.size(); ++film) {
    const std::string key = column.empty() ? digest_text(archive.source(film)) : archive.value(film, column);
    if (!key.empty()) films[key].push_back(film);
  }
  return films;
}

std::string key_of(const PseudonymKey& key, FilmIdentity identity, const std::string& id) {
  return identity == FilmIdentity::kFile ? digest_text(key.source(id)) : key.pseudonym(key_column(identity), id);
}

std::size_t find_id_column(const CsvTable& table, const LabelFile& file) {
  if (!file.id_column.empty()) return table.column(file.id_column);
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    if (identity_by_name(table.columns[i])) return i;
  fail(ErrorCode::kInvalidArgument,
       "no column names films (file, SOPInstanceUID, StudyInstanceUID, AccessionNumber): say which one does");
}

FilmIdentity identity_of(const std::string& column, const LabelFile& file) {
  const std::optional<FilmIdentity> identity = file.identity ? file.identity : identity_by_name(column);
  if (!identity)
    fail(ErrorCode::kInvalidArgument,
         "column '" + column + "' may hold anything: say whether it is file, instance, study or accession");
  return *identity;
}

std::string lines_text(const CsvTable& table, const std::vector<std::size_t>& rows) {
  std::vector<std::string> lines;
  for (const std::size_t row : rows) lines.push_back(std::to_string(table.lines[row]));
  return (rows.size() == 1 ? "line " : "lines ") + listed(lines);
}

/// "1" and "1.0" say the same.
bool same_answer(const std::string& a, const std::string& b) {
  const std::optional<LabelValue> value = label_value_from(a);
  return a == b || (value && value == label_value_from(b));
}

std::string rows_of(std::size_t count, std::size_t all) {
  return std::to_string(count) + " of " + std::to_string(all) + " rows";
}

}  // namespace

std::string listed(const std::vector<std::string>& things, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(most, things.size()); ++i) text += (i == 0 ? "" : ", ") + things[i];
  if (things.size() > most) text += " and " + std::to_string(things.size() - most) + " more";
  return text;
}

FilmIdentity film_identity_from(const std::string& name) {
  if (name == "file") return FilmIdentity::kFile;
  if (name == "instance") return FilmIdentity::kInstance;
  if (name == "study") return FilmIdentity::kStudy;
  if (name == "accession") return FilmIdentity::kAccession;
  fail(ErrorCode::kInvalidArgument, "films are named by file, instance, study or accession, not by '" + name + "'");
}

FilmTable::FilmTable(const Archive& archive) : archive_(archive), films_(std::size_t(archive.size())) {
  std::iota(films_.begin(), films_.end(), 0);
}

FilmTable::FilmTable(const Archive& archive, const LabelFile& file, const PseudonymKey& key) : archive_(archive) {
  table_ = read_csv_file(file.path);
  table_name_ = file.path.filename().string();
  rows_.assign(std::size_t(archive.size()), -1);
  within(table_name_, [&] { join(key, file); });
  for (std::int64_t film = 0; film < archive.size(); ++film)
    if (rows_[std::size_t(film)] >= 0) films_.push_back(film);
}

void FilmTable::join(const PseudonymKey& key, const LabelFile& file) {
  if (key.fingerprint() != archive_.settings().key_fingerprint)
    fail(ErrorCode::kInvalidArgument,
         "the key is not the one that this archive was built with, so no film can be found");
  id_column_ = find_id_column(*table_, file);
  const FilmIdentity identity = identity_of(table_->columns[id_column_], file);
  const auto films = films_by_key(archive_, identity);
  std::vector<std::size_t> nameless, unknown;
  for (std::size_t row = 0; row < table_->rows.size(); ++row) {
    const std::string& id = table_->rows[row][id_column_];
    const auto found = id.empty() ? films.end() : films.find(key_of(key, identity, id));
    if (id.empty()) {
      nameless.push_back(row);
    } else if (found == films.end()) {
      unknown.push_back(row);
    } else {
      attach(row, found->second);
    }
  }
  const std::size_t all = table_->rows.size();
  unknown_rows_ = unknown.size();
  if (!nameless.empty())
    fail(ErrorCode::kInvalidArgument, rows_of(nameless.size(), all) + " have nothing in column '" +
                                          table_->columns[id_column_] + "' (" + lines_text(*table_, nameless) + ")");
  if (!unknown.empty() && (!file.allow_unknown || unknown.size() == all))
    fail(ErrorCode::kInvalidArgument,
         rows_of(unknown.size(), all) + " name no film of the archive (" + lines_text(*table_, unknown) +
             "); films that were left out as unreadable, skipped or duplicates are not in it either" +
             (unknown.size() == all ? "" : " (--allow-unknown passes them over)"));
}

void FilmTable::attach(std::size_t row, const std::vector<std::int64_t>& films) {
  for (const std::int64_t film : films) {
    std::int64_t& there = rows_[std::size_t(film)];
    if (there < 0) {
      there = std::int64_t(row);
    } else if (repeats_.empty() || repeats_.back().second != row) {
      repeats_.emplace_back(std::size_t(there), row);
    }
  }
}

void FilmTable::require_agreement(const std::vector<std::string>& columns) const {
  std::vector<std::string> conflicts;
  for (const auto& [first, second] : repeats_) {
    const bool differ =
        std::any_of(columns.begin(), columns.end(), [&, one = first, other = second](const auto& column) {
          const auto found = std::find(table_->columns.begin(), table_->columns.end(), column);
          if (found == table_->columns.end()) return false;
          const auto at = std::size_t(found - table_->columns.begin());
          return !same_answer(table_->rows[one][at], table_->rows[other][at]);
        });
    if (differ)
      conflicts.push_back("line " + std::to_string(table_->lines[second]) + " against " +
                          std::to_string(table_->lines[first]));
  }
  if (!conflicts.empty())
    fail(ErrorCode::kInvalidArgument, table_name_ + ": " + std::to_string(conflicts.size()) +
                                          " rows contradict an earlier row about the same film (" + listed(conflicts) +
                                          "): leave one of them");
}

bool FilmTable::has(const std::string& column) const {
  if (archive_.has_column(column)) return true;
  return table_ && std::find(table_->columns.begin(), table_->columns.end(), column) != table_->columns.end();
}

std::vector<std::string> FilmTable::own_columns() const {
  std::vector<std::string> columns;
  if (!table_) return columns;
  for (std::size_t i = 0; i < table_->columns.size(); ++i)
    if (i != id_column_) columns.push_back(table_->columns[i]);
  return columns;
}

const std::string& FilmTable::value(std::int64_t film, const std::string& column) const {
  if (table_) {
    const auto found = std::find(table_->columns.begin(), table_->columns.end(), column);
    const std::int64_t row = film < 0 || film >= archive_.size() ? -1 : rows_[std::size_t(film)];
    if (row < 0) fail(ErrorCode::kInvalidArgument, table_name_ + " has no row about film " + std::to_string(film));
    if (found != table_->columns.end())
      return table_->rows[std::size_t(row)][std::size_t(found - table_->columns.begin())];
  }
  if (!archive_.has_column(column))
    fail(ErrorCode::kInvalidArgument,
         (table_ ? "neither " + table_name_ + " nor the archive has" : "the archive does not have") + " a column '" +
             column + "'; there are: " + listed(table_ ? own_columns() : archive_.columns(), 30));
  return archive_.value(film, column);
}

std::string FilmTable::place(std::int64_t film) const {
  if (!table_) return "film " + std::to_string(film) + " of the archive";
  return table_name_ + ", line " + std::to_string(table_->lines[std::size_t(rows_.at(std::size_t(film)))]);
}

std::string FilmTable::patient(std::int64_t film) const {
  const std::string known = archive_.has_column(kPatientColumn) ? archive_.value(film, kPatientColumn) : "";
  return known.empty() ? "film-" + std::to_string(film) : known;
}

std::vector<std::int64_t> FilmTable::where(const std::vector<std::pair<std::string, std::string>>& conditions) const {
  std::vector<std::int64_t> films = films_;
  for (const auto& [column, wanted] : conditions)
    std::erase_if(films, [&](std::int64_t film) { return value(film, column) != wanted; });
  return films;
}

}  // namespace chexworld
