// SPDX-License-Identifier: Apache-2.0
//
// What can be asked of a store of radiographs, and what comes back. Plain values.
#pragma once

#include "store/records.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace chexworld {

/// A rectangle of an image, as shares of the square that the model sees: 0 <= x0 < x1 <= 1 from the left,
/// 0 <= y0 < y1 <= 1 from the top.
struct ImageRegion {
  double x0 = 0, y0 = 0, x1 = 1, y1 = 1;
  friend bool operator==(const ImageRegion&, const ImageRegion&) = default;
};

/// One example of what is looked for.
struct InstanceExample {
  std::string sop_instance_uid;
};
/// All frontal images of a study (all images where none is known to be frontal).
struct StudyExample {
  std::string study_instance_uid;
};
/// f32[D], of any length but 0; it must come from the model that answers.
struct VectorExample {
  std::vector<float> embedding;
};
/// A part of an image. The only positive example of its request, without negative ones; the store must hold the patch
/// tokens of the image and of those that are to be found. The score is that of the best matching region.
struct RegionExample {
  std::string sop_instance_uid;
  ImageRegion region;
};
using SearchExample = std::variant<InstanceExample, StudyExample, VectorExample, RegionExample>;

/// Which results may be returned; every condition given must hold, and an unknown value meets none.
struct ResultFilter {
  struct Finding {
    std::string label;  ///< of ModelRecord::finding_labels
    double least = 0;   ///< probability, reached or exceeded
  };
  struct Labelled {
    std::string name;                  ///< of Label
    std::optional<std::string> value;  ///< nullopt: whatever it is
  };
  using Date = std::chrono::year_month_day;

  std::vector<std::string> views;         ///< InstanceRecord::view is one of these; empty: all
  std::vector<std::string> sexes;         ///< likewise
  std::vector<std::string> institutions;  ///< likewise
  std::optional<double> age_from;         ///< years, included
  std::optional<double> age_to;           ///< years, included
  std::optional<Date> date_from;          ///< acquisition, included
  std::optional<Date> date_to;            ///< acquisition, included
  std::vector<Finding> findings;
  std::vector<Labelled> labels;       ///< the image or its study has every one of these
  bool exclude_same_patient = false;  ///< as any positive example that is in the store
  bool exclude_same_study = false;    ///< as any positive example that is in the store
};

/// "pneumonia" (whatever its value) or "pneumonia=yes".
ResultFilter::Labelled labelled_from(const std::string& text);

struct SearchRequest {
  std::vector<SearchExample> positive;  ///< one or more
  std::vector<SearchExample> negative;
  double negative_weight = 0.25;  ///< 0 to 1
  /// The score is the largest cosine with any positive example, not the cosine with their mean. Always so for a single
  /// study. Takes no negative examples.
  bool best_of = false;
  bool include_examples = false;  ///< the examples themselves may be returned (instances, images of studies)
  ResultFilter filter;
  std::size_t k = 10;    ///< 1 to 1000
  std::string model_id;  ///< "": the one that serves
  bool exact = false;    ///< compare with every result that meets the filter, however long it takes
};

struct ResultHit {
  StoredResult result;                ///< UIDs, view, findings, labels, ... and the embedding
  float score = 0;                    ///< cosine, -1 to 1
  float distance = 0;                 ///< 1 - score
  std::optional<ImageRegion> region;  ///< what matches, where a region was asked for
};

struct SearchReply {
  std::string model_id;
  std::vector<ResultHit> hits;  ///< best first; equal scores by row
  std::size_t compared = 0;     ///< embeddings compared
  bool exact = false;           ///< nothing was left out: all that meet the filter were compared
};

}  // namespace chexworld
