// SPDX-License-Identifier: Apache-2.0
//
// Reading everything with suspicion.
#include "base/failure.h"
#include "store/copy.h"
#include "store/embedding.h"

namespace chexworld {
namespace {

struct Suspicion {
  const char* count;  ///< how many rows are wrong
  const char* meaning;
};

constexpr Suspicion kSuspicions[] = {
    {"SELECT count(*) FROM results r JOIN models m ON m.model = r.model WHERE r.sequence < 1 OR r.sequence > "
     "m.last_sequence",
     "results have a change number that was never given out"},
    {"SELECT count(*) FROM tombstones t JOIN models m ON m.model = t.model WHERE t.sequence < 1 OR t.sequence > "
     "m.last_sequence",
     "deletions have a change number that was never given out"},
    {"SELECT count(*) FROM tombstones t JOIN results r ON r.result = t.result", "deleted results are still there"},
    {"SELECT count(*) FROM tombstones t JOIN results r ON r.model = t.model AND r.sequence = t.sequence",
     "change numbers were given out twice"},
    {"SELECT count(*) FROM patch_tokens p JOIN results r ON r.result = p.result JOIN models m ON m.model = r.model "
     "WHERE "
     "length(p.codes) <> p.grid_rows * p.grid_columns * m.embedding_size",
     "results have patch tokens of another size than their model's"},
    {"SELECT count(*) FROM study_labels s WHERE NOT EXISTS (SELECT 1 FROM instances i WHERE i.study_instance_uid = "
     "s.study_instance_uid)",
     "labels belong to studies that are not there"},
    {"SELECT count(*) FROM labels WHERE code < 0 OR code > 63", "labels have an impossible code"},
    {"SELECT count(*) FROM (SELECT l.instance FROM instance_labels l JOIN labels k ON k.label = l.label GROUP BY "
     "l.instance, k.name, l.source HAVING count(*) > 1) doubled",
     "instances have two values of one label from one source"},
    {"SELECT count(*) FROM (SELECT l.study_instance_uid FROM study_labels l JOIN labels k ON k.label = l.label GROUP "
     "BY "
     "l.study_instance_uid, k.name, l.source HAVING count(*) > 1) doubled",
     "studies have two values of one label from one source"},
    {"SELECT count(*) FROM work WHERE state NOT IN (0, 1, 2) OR attempts < 0 OR claim < 0",
     "items of work are in no known state"},
    {"SELECT count(*) FROM (SELECT instance, model FROM results GROUP BY instance, model HAVING count(*) > 1) doubled",
     "instances have two results of one model"},
};

void examine_result(const SqlRow& row, std::vector<std::string>& found) {
  const std::string name = "result " + std::to_string(row.integer(0));
  const auto complaint = capture([&] {
    const std::vector<float> embedding = decode_embedding(row.bytes(1), row.real(2));
    const auto expected = std::size_t(row.integer(4));
    if (embedding.size() != expected)
      fail(ErrorCode::kMalformed,
           "its embedding has " + std::to_string(embedding.size()) + " values, its model " + std::to_string(expected));
    decode_floats(row.bytes(3));
  });
  if (!complaint) found.push_back(name + ": " + complaint.error().message());
}

void examine_results(SqlSession& session, std::vector<std::string>& found) {
  std::int64_t last = 0;
  for (;;) {
    const SqlRows page = session.run(
        "SELECT r.result, r.embedding, r.embedding_scale, r.findings, m.embedding_size FROM results r JOIN "
        "models m ON m.model = r.model WHERE r.result > $1 ORDER BY r.result LIMIT 500",
        {last});
    if (page.empty()) return;
    for (const SqlRow& row : page) examine_result(row, found);
    last = page.back().integer(0);
  }
}

}  // namespace

std::vector<std::string> contradictions(SqlSession& session) {
  std::vector<std::string> found;
  for (const Suspicion& suspicion : kSuspicions) {
    const std::int64_t count = session.run(suspicion.count)[0].integer(0);
    if (count > 0) found.push_back(std::to_string(count) + " " + suspicion.meaning);
  }
  examine_results(session, found);
  return found;
}

}  // namespace chexworld
