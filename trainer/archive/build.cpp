// SPDX-License-Identifier: Apache-2.0
#include "trainer/archive/build.h"

#include "base/failure.h"
#include "base/parallel.h"
#include "trainer/archive/film_area.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace chexworld {
namespace {

/// What is worked on at once, per thread: enough to keep threads busy, little enough to stop soon.
constexpr std::size_t kGroupPerThread = 8;

PixelSize reduced_size(const PixelRect& area, int short_side) {
  const PixelSize size{area.height, area.width};
  return std::min(size.height, size.width) <= short_side ? size : with_short_side(size, short_side);
}

std::vector<std::byte> bytes_8_bit(const GrayImage& picture, const PixelRect& area, PixelSize size) {
  const GrayImage film = resized_crop(picture, area, size);
  const auto bytes = std::as_bytes(std::span(film.pixels));
  return {bytes.begin(), bytes.end()};
}

FloatImage cropped(const std::vector<float>& grey, int width, const PixelRect& area) {
  FloatImage part{area.width, area.height, {}};
  part.pixels.reserve(std::size_t(area.width) * std::size_t(area.height));
  for (int y = area.top; y < area.top + area.height; ++y) {
    const auto row = grey.begin() + std::ptrdiff_t(y) * width + area.left;
    part.pixels.insert(part.pixels.end(), row, row + area.width);
  }
  return part;
}

std::vector<float> grey_of(const GrayImage& picture) {
  std::vector<float> grey(picture.pixels.size());
  std::transform(picture.pixels.begin(), picture.pixels.end(), grey.begin(), [](std::uint8_t v) { return v / 255.0F; });
  return grey;
}

std::vector<std::byte> bytes_16_bit(const SourceFilm& source, const PixelRect& area, PixelSize size) {
  const std::vector<float>& grey = source.grey.empty() ? grey_of(source.picture) : source.grey;
  const FloatImage film = resize(cropped(grey, source.picture.width, area), size);
  std::vector<std::byte> bytes;
  bytes.reserve(2 * film.pixels.size());
  for (const float value : film.pixels) {
    const auto level = unsigned(std::lround(std::clamp(value, 0.0F, 1.0F) * 65535));
    bytes.insert(bytes.end(), {std::byte(level & 0xFF), std::byte(level >> 8)});
  }
  return bytes;
}

/// One item, read and brought into the archive's form.
struct Prepared {
  SourceFilm::Outcome outcome = SourceFilm::Outcome::kUnreadable;
  std::string reason;
  ArchiveFilm film;
};

void prepare(const FilmSource& source, const SourceItem& item, const PseudonymKey& key, const BuildOptions& options,
             Prepared& prepared) {
  SourceFilm film = source.read(item, options.settings);
  prepared.outcome = film.outcome;
  prepared.reason = film.reason;
  if (film.outcome != SourceFilm::Outcome::kFilm) return;
  prepared.film = archived_form(film, options.settings);
  if (std::min(prepared.film.size.height, prepared.film.size.width) < options.least_side) {
    prepared = {SourceFilm::Outcome::kSkipped, "too small", {}};
    return;
  }
  prepared.film.source = key.source(item.place);
  prepared.film.columns.insert(item.columns.begin(), item.columns.end());
  prepared.film.columns.merge(film.columns);
  for (const auto& [column, id] : film.ids)
    if (!id.empty()) prepared.film.columns[column] = key.pseudonym(column, id);
  prepared.film.columns["patient"] = key.patient(film.patient.empty() ? item.patient : film.patient);
}

/// The state of one build.
class Builder {
 public:
  Builder(const FilmSource& source, const std::filesystem::path& folder, const PseudonymKey& key,
          const BuildOptions& options, const UnreadableObserver& unreadable)
      : source_(source),
        key_(key),
        options_(options),
        unreadable_(unreadable),
        writer_(folder, options.settings, options.shard_bytes) {
    const Archive archive = Archive::open(folder);
    for (std::int64_t i = 0; i < archive.size(); ++i) {
      sources_.insert(archive.source(i));
      contents_.insert(archive.content(i));
    }
    progress_.items = std::int64_t(source.items().size());
  }

  BuildProgress run(const BuildObserver& observer) {
    const std::vector<SourceItem>& items = source_.items();
    const std::size_t group = kGroupPerThread * std::size_t(std::max(options_.threads, 1));
    for (std::size_t begin = 0; begin < items.size(); begin += group) {
      take(std::span(items).subspan(begin, std::min(group, items.size() - begin)));
      if (observer && !observer(progress_)) break;
    }
    writer_.finish();
    return progress_;
  }

 private:
  void take(std::span<const SourceItem> items) {
    std::vector<const SourceItem*> wanted;
    for (const SourceItem& item : items)
      if (!sources_.contains(key_.source(item.place))) wanted.push_back(&item);
    progress_.there += std::int64_t(items.size() - wanted.size());
    progress_.seen += std::int64_t(items.size());
    std::vector<Prepared> prepared(wanted.size());
    in_parallel(wanted.size(), unsigned(std::max(options_.threads, 1)),
                [&](std::size_t i) { prepare(source_, *wanted[i], key_, options_, prepared[i]); });
    for (std::size_t i = 0; i < wanted.size(); ++i) file(*wanted[i], prepared[i]);
  }

  void file(const SourceItem& item, Prepared& prepared) {
    switch (prepared.outcome) {
      case SourceFilm::Outcome::kSkipped: ++progress_.skipped[prepared.reason]; return;
      case SourceFilm::Outcome::kUnreadable:
        ++progress_.unreadable;
        if (unreadable_) unreadable_(item.place, prepared.reason);
        return;
      case SourceFilm::Outcome::kFilm: break;
    }
    if (!contents_.insert(prepared.film.content()).second) {
      ++progress_.duplicates;
      return;
    }
    ++progress_.added;
    writer_.add(std::move(prepared.film));
  }

  const FilmSource& source_;
  const PseudonymKey& key_;
  const BuildOptions& options_;
  const UnreadableObserver& unreadable_;
  ArchiveWriter writer_;
  std::set<ArchiveDigest> sources_, contents_;
  BuildProgress progress_;
};

}  // namespace

ArchiveFilm archived_form(const SourceFilm& film, const ArchiveSettings& settings) {
  const PixelRect area = content_area(film.picture, settings.trim);
  ArchiveFilm archived;
  if (settings.trim.black_border || settings.trim.collimation)
    archived.columns[kAreaColumn] = area_text({area, {film.picture.height, film.picture.width}});
  archived.size = reduced_size(area, settings.short_side);
  archived.pixels =
      settings.bits == 16 ? bytes_16_bit(film, area, archived.size) : bytes_8_bit(film.picture, area, archived.size);
  return archived;
}

BuildProgress build_archive(const FilmSource& source, const std::filesystem::path& folder, const PseudonymKey& key,
                            const BuildOptions& options, const BuildObserver& observer,
                            const UnreadableObserver& unreadable) {
  BuildOptions filled = options;
  filled.settings.key_fingerprint = key.fingerprint();
  return Builder(source, folder, key, filled, unreadable).run(observer);
}

}  // namespace chexworld
