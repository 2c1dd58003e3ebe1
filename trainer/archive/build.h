// SPDX-License-Identifier: Apache-2.0
//
// From films as they lie around to a training archive: gate, decode, cut borders off, reduce, leave duplicates out,
// replace names by pseudonyms.
#pragma once

#include "trainer/archive/archive.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace chexworld {

/// Key of the pseudonyms. Whoever has it can tell which pseudonym belongs to a known patient, so it stays with the
/// hospital and never goes into an archive.
class PseudonymKey {
 public:
  /// At least 16 characters; throws Failure(kInvalidArgument).
  explicit PseudonymKey(std::string secret);
  /// Reads the file, or makes it (32 random bytes in hexadecimal, for the owner's eyes only) where there is none.
  static PseudonymKey from_file(const std::filesystem::path& path);

  /// 16 hexadecimal digits; empty for an empty id.
  std::string patient(const std::string& id) const { return pseudonym("patient", id); }
  /// The same for other things that have ids; `kind` keeps them apart.
  std::string pseudonym(const std::string& kind, const std::string& id) const;
  ArchiveDigest source(const std::string& place) const;
  std::string fingerprint() const;

 private:
  std::string secret_;
};

/// Columns that hold pseudonyms of what DICOM calls a film by, so that tables of labels can be joined (trainer/labels).
inline constexpr const char* kInstanceKeyColumn = "instance_key";    ///< of the SOP Instance UID
inline constexpr const char* kStudyKeyColumn = "study_key";          ///< of the Study Instance UID
inline constexpr const char* kAccessionKeyColumn = "accession_key";  ///< of the Accession Number

/// One film to be read.
struct SourceItem {
  std::string place;                           ///< path below the folder, or the like: its identity
  std::string patient;                         ///< as the source says; becomes a pseudonym
  std::map<std::string, std::string> columns;  ///< carried along
};

/// What became of an item.
struct SourceFilm {
  enum class Outcome { kFilm, kSkipped, kUnreadable };
  Outcome outcome = Outcome::kFilm;
  std::string reason;       ///< of the other two; a sentence without values from the object
  GrayImage picture;        ///< whole, as a viewer shows it
  std::vector<float> grey;  ///< f32[H,W] in [0,1], the same with more depth; empty where there is none
  std::string patient;      ///< where the object itself tells; else the item's
  std::map<std::string, std::string> columns;  ///< what the object tells; the item's go before
  std::map<std::string, std::string> ids{};    ///< by the column that gets their pseudonyms
};

/// Where films come from.
class FilmSource {
 public:
  virtual ~FilmSource() = default;
  /// In an order that is the same every time.
  virtual const std::vector<SourceItem>& items() const = 0;
  /// Thread safe. Does not throw for what is wrong with one item.
  virtual SourceFilm read(const SourceItem& item, const ArchiveSettings& settings) const = 0;
};

struct BuildOptions {
  ArchiveSettings settings;               ///< the key's fingerprint is filled in
  std::uint64_t shard_bytes = 128 << 20;  ///< of pixels; also what a restart may have to do again
  int threads = 1;
  int least_side = 64;  ///< pixels; smaller films are skipped
};

struct BuildProgress {
  std::int64_t items = 0;  ///< of the source
  std::int64_t seen = 0;   ///< so far
  std::int64_t there = 0;  ///< were in the archive already
  std::int64_t added = 0;
  std::int64_t duplicates = 0;                  ///< the same pixels were there already
  std::map<std::string, std::int64_t> skipped;  ///< by reason
  std::int64_t unreadable = 0;
};

/// Told after every group of items; returning false stops cleanly, with everything so far written.
using BuildObserver = std::function<bool(const BuildProgress&)>;
/// Told about each item that could not be read: its place and why.
using UnreadableObserver = std::function<void(const std::string& place, const std::string& why)>;

/// Adds to `folder` what is not there yet. The same source, settings and key give the same bytes, whatever the number
/// of threads and however often it was interrupted. Throws Failure where the folder cannot be written.
BuildProgress build_archive(const FilmSource& source, const std::filesystem::path& folder, const PseudonymKey& key,
                            const BuildOptions& options, const BuildObserver& observer = {},
                            const UnreadableObserver& unreadable = {});

/// Cuts the margins off and reduces; the archive's form of one film.
ArchiveFilm archived_form(const SourceFilm& film, const ArchiveSettings& settings);

}  // namespace chexworld
