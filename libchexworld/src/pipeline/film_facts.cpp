// SPDX-License-Identifier: Apache-2.0
#include "pipeline/film_facts.h"

#include "base/failure.h"
#include "image/picture_tone.h"

namespace chexworld {
namespace {

std::string view_word(const GateVerdict& gate) {
  if (gate.view != View::kFrontal || gate.projection == Projection::kUnknown) return std::string(name_of(gate.view));
  return std::string(name_of(gate.projection));
}

bool is_note(const std::string& word) {
  for (int note = 0; note <= int(QualityNote::kDoubtful); ++note)
    if (word == name_of(QualityNote(note))) return true;
  return false;
}

}  // namespace

FilmFacts film_facts(const GateVerdict& gate, const std::vector<QualityNote>& quality, std::span<const float> prepared,
                     const Normalization& normalization, const BundleDomain& domain) {
  FilmFacts facts;
  facts.view = view_word(gate);
  for (const QualityNote note : quality) facts.quality.emplace_back(name_of(note));
  if (!domain.brightness && !domain.contrast) return facts;
  const PictureTone tone = tone_of(prepared, normalization);
  facts.brightness = tone.brightness;
  facts.contrast = tone.contrast;
  return facts;
}

void require_known_notes(const BundleDomain& domain) {
  for (const std::string& word : domain.refused_quality)
    if (!is_note(word))
      fail(ErrorCode::kUnsupported, "the domain refuses pictures marked '" + word.substr(0, 64) +
                                        "', a mark that this chexworld does not give: use a newer one");
}

}  // namespace chexworld
