// SPDX-License-Identifier: Apache-2.0
#include "trainer/segmentation/film_masks.h"

#include "base/failure.h"
#include "image/png.h"
#include "image/region_mask.h"
#include "trainer/archive/film_area.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>

namespace chexworld {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMaskColumn = "mask";
constexpr const char* kFilmEndings[] = {".dcm", ".png", ".jpg", ".jpeg", ".DCM", ".PNG", ".JPG", ".JPEG", ""};

void add(MaskedFilms& all, const FilmTable& table, std::int64_t film, fs::path mask, std::string place) {
  all.films.films.push_back(film);
  all.films.patients.push_back(table.patient(film));
  all.masks.push_back(std::move(mask));
  all.places.push_back(std::move(place));
}

std::string counted(const std::vector<std::string>& things, std::size_t all, const std::string& what) {
  return std::to_string(things.size()) + " of " + std::to_string(all) + " " + what + " (" + listed(things, 6) + ")";
}

bool is_png(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return ending == ".png";
}

/// Below `folder`, sorted.
std::vector<fs::path> png_files(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->is_regular_file() && is_png(at->path())) files.push_back(at->path().lexically_relative(folder));
  if (error) fail(ErrorCode::kNotFound, "reading the folder of masks " + folder.string() + ": " + error.message());
  if (files.empty()) fail(ErrorCode::kInvalidArgument, "no PNG file below " + folder.string() + ", so no masks");
  std::sort(files.begin(), files.end());
  return files;
}

std::map<ArchiveDigest, std::int64_t> films_by_source(const Archive& archive) {
  std::map<ArchiveDigest, std::int64_t> films;
  for (std::int64_t film = 0; film < archive.size(); ++film) films[archive.source(film)] = film;
  return films;
}

std::optional<std::int64_t> film_named(const std::map<ArchiveDigest, std::int64_t>& films, const PseudonymKey& key,
                                       const fs::path& mask, const std::string& film_folder) {
  const fs::path stem = fs::path(film_folder) / mask.parent_path() / mask.stem();
  for (const char* ending : kFilmEndings)
    if (const auto found = films.find(key.source(stem.string() + ending)); found != films.end()) return found->second;
  return std::nullopt;
}

/// The part of a mask that lies on the film, in the mask's own pixels.
PixelRect on_mask(const FilmArea& film, const GrayImage& mask) {
  const double rows = double(mask.height) / film.whole.height, columns = double(mask.width) / film.whole.width;
  const int top = int(std::lround(film.area.top * rows)), left = int(std::lround(film.area.left * columns));
  const int bottom = int(std::lround((film.area.top + film.area.height) * rows));
  const int right = int(std::lround((film.area.left + film.area.width) * columns));
  return {top, left, std::max(1, bottom - top), std::max(1, right - left)};
}

bool same_proportions(const GrayImage& mask, PixelSize film) {
  const double height = double(mask.width) * film.height / film.width;
  return std::abs(height - mask.height) <= 1 + double(mask.height) / film.height;  // a pixel of either
}

std::string size_text(int width, int height) { return std::to_string(width) + " x " + std::to_string(height); }

}  // namespace

MaskedFilms masks_of_table(const FilmTable& table, const std::vector<std::int64_t>& films, const fs::path& folder) {
  table.require_agreement({kMaskColumn});
  MaskedFilms found;
  std::vector<std::string> nameless, absent;
  for (const std::int64_t film : films) {
    const std::string& name = table.value(film, kMaskColumn);
    if (name.empty()) {
      nameless.push_back(table.place(film));
    } else if (!fs::is_regular_file(folder / name)) {
      absent.push_back(table.place(film));
    } else {
      add(found, table, film, folder / name, table.place(film));
    }
  }
  if (!nameless.empty())
    fail(ErrorCode::kInvalidArgument, counted(nameless, films.size(), "films have nothing in column 'mask'"));
  if (!absent.empty())
    fail(ErrorCode::kInvalidArgument, counted(absent, films.size(), "masks are not below " + folder.string()));
  if (found.size() == 0) fail(ErrorCode::kInvalidArgument, "no film has a mask");
  return found;
}

MaskedFilms masks_of_folder(const FilmTable& table, const std::vector<std::int64_t>& films, const PseudonymKey& key,
                            const fs::path& folder, const std::string& film_folder, bool allow_unknown) {
  if (key.fingerprint() != table.archive().settings().key_fingerprint)
    fail(ErrorCode::kInvalidArgument,
         "the key is not the one that this archive was built with, so no film can be found");
  const std::map<ArchiveDigest, std::int64_t> sources = films_by_source(table.archive());
  const std::vector<fs::path> files = png_files(folder);
  std::map<std::int64_t, fs::path> mask_of;
  std::vector<std::string> unknown, twice;
  for (const fs::path& file : files) {
    const auto film = film_named(sources, key, file, film_folder);
    if (!film) {
      unknown.push_back(file.string());
    } else if (!mask_of.emplace(*film, file).second) {
      twice.push_back(file.string());
    }
  }
  if (!twice.empty())
    fail(ErrorCode::kInvalidArgument, counted(twice, files.size(), "masks are of a film that has another one"));
  if (unknown.size() == files.size() || (!unknown.empty() && !allow_unknown))
    fail(
        ErrorCode::kInvalidArgument,
        counted(unknown, files.size(), "masks belong to no film of the archive") +
            ": a mask is called like its film, with --film-folder where films lie in a folder of their own; films that "
            "were left out as duplicates are not in the archive either (--allow-unknown passes such masks over)");
  MaskedFilms found;
  for (const std::int64_t film : films)
    if (const auto mask = mask_of.find(film); mask != mask_of.end())
      add(found, table, film, folder / mask->second, mask->second.string());
  if (found.size() == 0) fail(ErrorCode::kInvalidArgument, "none of the chosen films has a mask");
  return found;
}

GrayImage film_mask(const Archive& archive, std::int64_t film, const fs::path& path) {
  const GrayImage mask = binary_mask(read_picture(path));
  const FilmArea area = film_area(archive, film);
  if (!same_proportions(mask, area.whole))
    fail(ErrorCode::kInvalidArgument, "a mask of " + size_text(mask.width, mask.height) + " pixels for a film of " +
                                          size_text(area.whole.width, area.whole.height));
  GrayImage fitted = resized_crop(mask, on_mask(area, mask), archive.film_size(film));
  for (std::uint8_t& pixel : fitted.pixels) pixel = pixel >= 128 ? 255 : 0;
  return fitted;
}

void require_usable(const Archive& archive, const MaskedFilms& all, bool allow_empty) {
  std::vector<std::string> unreadable, unfit, empty;
  for (std::size_t i = 0; i < all.size(); ++i) {
    film_area(archive, all.films.films[i]);  // what is wrong with the archive is not a mask's fault
    try {
      if (is_empty(film_mask(archive, all.films.films[i], all.masks[i]))) empty.push_back(all.places[i]);
    } catch (const Failure& failure) {
      const bool is_size = failure.error().code() == ErrorCode::kInvalidArgument;
      (is_size ? unfit : unreadable).push_back(all.places[i] + (is_size ? ": " + failure.error().message() : ""));
    }
  }
  std::string problems;
  const auto say = [&](const std::vector<std::string>& places, const std::string& what) {
    if (!places.empty()) problems += (problems.empty() ? "" : "; ") + counted(places, all.size(), what);
  };
  say(unreadable, "masks cannot be read as pictures");
  say(unfit, "masks do not have their film's proportions");
  if (!allow_empty || empty.size() == all.size())
    say(empty, "masks are empty" + std::string(allow_empty ? "" : ", which --empty-masks true allows"));
  if (!problems.empty()) fail(ErrorCode::kInvalidArgument, problems);
}

}  // namespace chexworld
