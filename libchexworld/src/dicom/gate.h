// SPDX-License-Identifier: Apache-2.0
//
// Which objects get an embedding, and which view they show. Tags first; then the picture fills in what the tags leave
// open. Pure functions; nothing an object says makes them throw.
#pragma once

#include "dicom/radiograph_tags.h"
#include "image/film_look.h"

#include <chexworld/radiograph.h>

#include <vector>

namespace chexworld {

/// How sure the tags are that this is a chest. Decides how far the picture may overrule.
enum class ChestEvidence { kNone, kSaid };

struct TagVerdict {
  GateVerdict verdict;
  ChestEvidence chest = ChestEvidence::kNone;
};

/// By the tags alone: SOP class, modality, image type, frames, body part, anatomic region, descriptions.
TagVerdict judge_by_tags(const RadiographTags& tags);

/// The final verdict once the picture is there. Refuses only what no tag calls a chest and what cannot be one;
/// fills in "frontal" where the tags are silent and both lungs are plainly there.
GateVerdict judge_by_picture(const TagVerdict& by_tags, const FilmLook& look);

/// What may be wrong with the picture; kDoubtful is left to whoever has the doubts.
std::vector<QualityNote> quality_notes(const RadiographTags& tags, const GateVerdict& verdict, const FilmLook& look);

}  // namespace chexworld
