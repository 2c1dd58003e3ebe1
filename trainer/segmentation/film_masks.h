// SPDX-License-Identifier: Apache-2.0
//
// Masks that somebody drew, found for the films of an archive and brought into their form.
//
// A mask is a picture (PNG) of the whole film, of any size with the film's proportions. Messages count, and name films
// by their number in the archive or their line in the table, masks by their file.
#pragma once

#include "trainer/labels/film_table.h"
#include "trainer/labels/labelled_films.h"

#include <filesystem>
#include <vector>

namespace chexworld {

/// Films with a mask each. Plain value.
struct MaskedFilms {
  LabelledFilms films;                       ///< n, without findings
  std::vector<std::filesystem::path> masks;  ///< n files
  std::vector<std::string> places;           ///< n, for messages: "masks.csv, line 12", "lungs/a.png"

  std::size_t size() const { return masks.size(); }
};

/// By a table with a column "mask" of paths below `folder`. Throws Failure(kInvalidArgument), counting and naming
/// lines: rows without mask, masks that are not there.
MaskedFilms masks_of_table(const FilmTable& table, const std::vector<std::int64_t>& films,
                           const std::filesystem::path& folder);

/// By names: the mask "a/b.png" below `folder` belongs to the film that was "a/b" with any usual ending below
/// `film_folder` (below the folder that the archive was built from; empty: that one itself). Only masks of `films`
/// count. Throws Failure(kInvalidArgument), counting and naming files: masks that belong to no film of the archive
/// (unless allowed), two masks of one film, no mask at all, another key than the archive's.
MaskedFilms masks_of_folder(const FilmTable& table, const std::vector<std::int64_t>& films, const PseudonymKey& key,
                            const std::filesystem::path& folder, const std::string& film_folder, bool allow_unknown);

/// One film's mask, u8 0 or 255, of the film's size in the archive. Throws Failure: what reading a picture throws;
/// kInvalidArgument where it does not have the film's proportions. Thread safe.
GrayImage film_mask(const Archive& archive, std::int64_t film, const std::filesystem::path& mask);

/// Reads them all. Throws Failure(kInvalidArgument), counting and naming by problem: files that are no pictures, masks
/// of other proportions than their film, and, unless allowed, masks without a pixel.
void require_usable(const Archive& archive, const MaskedFilms& films, bool allow_empty);

}  // namespace chexworld
