// SPDX-License-Identifier: Apache-2.0
//
// What people say about images and studies.
#include "base/failure.h"
#include "store/rows.h"
#include "store/sql_store.h"
#include "store/validate.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace chexworld {
namespace {

/// Where the labels of one level are kept.
struct Place {
  const char* table;
  const char* key;  ///< column that names the subject
};

constexpr Place place_of(LabelLevel level) {
  return level == LabelLevel::kStudy ? Place{"study_labels", "study_instance_uid"}
                                     : Place{"instance_labels", "instance"};
}

/// One subject as the database knows it.
struct Subject {
  Place place;
  SqlValue key;
  std::vector<std::int64_t> instances;  ///< whose results its labels belong to; none: it is not known
};

using NameAndSource = std::pair<std::string, std::string>;

/// Labellings inside one transaction.
class Labeller {
 public:
  Labeller(SqlSession& session, const Dialect& dialect, std::int64_t now_ms)
      : session_(session), dialect_(dialect), now_ms_(now_ms) {}

  LabelReport apply(std::span<const Labelling> labellings) {
    LabelReport report;
    for (std::size_t i = 0; i < labellings.size(); ++i) {
      const Subject subject = find(labellings[i].subject);
      if (subject.instances.empty())
        report.unknown.push_back(i);
      else if (apply(subject, labellings[i]))
        ++report.changed;
    }
    return report;
  }

  /// The subject, its instances locked where somebody could label them at the same time.
  Subject find(const LabelSubject& subject) {
    const bool study = subject.level == LabelLevel::kStudy;
    const std::string sql =
        dialect_.expand(std::string("SELECT instance FROM instances WHERE ") +
                        (study ? "study_instance_uid" : "sop_instance_uid") + " = $1 ORDER BY instance {for_update}");
    Subject found{place_of(subject.level), subject.uid, {}};
    for (const SqlRow& row : session_.run(sql, {subject.uid})) found.instances.push_back(row.integer(0));
    if (!study && !found.instances.empty()) found.key = found.instances[0];
    return found;
  }

 private:
  struct Kept {
    std::int64_t number = 0;
    std::string value;
  };

  bool apply(const Subject& subject, const Labelling& labelling) {
    const std::map<NameAndSource, Kept> before = kept(subject);
    std::map<NameAndSource, std::string> after;
    if (!labelling.replace)
      for (const auto& [name, label] : before) after[name] = label.value;
    for (const Label& label : labelling.labels) after[{label.name, label.source}] = label.value;
    std::vector<std::int64_t> dropped;
    bool changed = false;
    for (const auto& [name, label] : before) {
      const auto found = after.find(name);
      if (found != after.end() && found->second == label.value) {
        after.erase(found);  // stays as it is
        continue;
      }
      remove(subject, label.number, name.second);
      dropped.push_back(label.number);
    }
    changed = !dropped.empty() || !after.empty();
    for (const auto& [name, value] : after) add(subject, number_of(name.first, value), name.second);
    forget_unused_labels(session_, dropped);
    if (changed)
      for (const std::int64_t instance : subject.instances) renumber_results(session_, instance);
    return changed;
  }

  std::map<NameAndSource, Kept> kept(const Subject& subject) {
    std::map<NameAndSource, Kept> found;
    for (const SqlRow& row :
         session_.run(std::string("SELECT k.name, l.source, k.label, k.value FROM ") + subject.place.table +
                          " l JOIN labels k ON k.label = l.label WHERE l." + subject.place.key + " = $1",
                      {subject.key}))
      found[{row.text(0), row.text(1)}] = {row.integer(2), row.text(3)};
    return found;
  }

  void remove(const Subject& subject, std::int64_t number, const std::string& source) {
    session_.run(std::string("DELETE FROM ") + subject.place.table + " WHERE " + subject.place.key +
                     " = $1 AND label = $2 AND source = $3",
                 {subject.key, number, source});
  }

  void add(const Subject& subject, std::int64_t number, const std::string& source) {
    session_.run(std::string("INSERT INTO ") + subject.place.table + " (" + subject.place.key +
                     ", label, source, labelled_ms) VALUES ($1, $2, $3, $4)",
                 {subject.key, number, source, now_ms_});
  }

  std::int64_t number_of(const std::string& name, const std::string& value) {
    const SqlRows known = session_.run("SELECT label FROM labels WHERE name = $1 AND value = $2", {name, value});
    if (!known.empty()) return known[0].integer(0);
    return session_
        .run("INSERT INTO labels (name, value, code) VALUES ($1, $2, $3) RETURNING label", {name, value, free_code()})
        .at(0)
        .integer(0);
  }

  /// The smallest that nobody has, else the shared one.
  std::int64_t free_code() {
    std::set<std::int64_t> taken;
    for (const SqlRow& row : session_.run("SELECT code FROM labels")) taken.insert(row.integer(0));
    std::int64_t code = 0;
    while (code < LabelCode::kShared && taken.contains(code)) ++code;
    return code;
  }

  SqlSession& session_;
  const Dialect& dialect_;
  const std::int64_t now_ms_;
};

std::vector<std::int64_t> numbers_in(const SqlRows& rows) {
  std::vector<std::int64_t> numbers;
  for (const SqlRow& row : rows) numbers.push_back(row.integer(0));
  return numbers;
}

}  // namespace

std::vector<std::int64_t> label_numbers(SqlSession& session, std::int64_t instance) {
  return numbers_in(session.run("SELECT label FROM instance_labels WHERE instance = $1", {instance}));
}

void forget_unused_labels(SqlSession& session, const std::vector<std::int64_t>& numbers) {
  for (const std::int64_t number : numbers)
    session.run(
        "DELETE FROM labels WHERE label = $1 AND NOT EXISTS (SELECT 1 FROM instance_labels WHERE label = $1) AND NOT "
        "EXISTS (SELECT 1 FROM study_labels WHERE label = $1)",
        {number});
}

void forget_study_if_empty(SqlSession& session, const std::string& study_instance_uid) {
  const std::vector<std::int64_t> numbers = numbers_in(session.run(
      "SELECT label FROM study_labels WHERE study_instance_uid = $1 AND NOT EXISTS (SELECT 1 FROM instances WHERE "
      "study_instance_uid = $1)",
      {study_instance_uid}));
  if (numbers.empty()) return;
  session.run("DELETE FROM study_labels WHERE study_instance_uid = $1", {study_instance_uid});
  forget_unused_labels(session, numbers);
}

LabelReport SqlStore::label(std::span<const Labelling> labellings) {
  for (const Labelling& labelling : labellings) check(labelling);
  LabelReport report;
  database_->write(
      [&](SqlSession& session) { report = Labeller(session, database_->dialect(), now_ms()).apply(labellings); });
  return report;
}

std::vector<Label> SqlStore::labels(const LabelSubject& subject) {
  check(subject);
  const bool study = subject.level == LabelLevel::kStudy;
  const SqlRows found = read("SELECT " + kLabelText + " FROM instances i WHERE i." +
                                 (study ? "study_instance_uid" : "sop_instance_uid") + " = $1 LIMIT 1",
                             {subject.uid});
  if (found.empty()) fail(ErrorCode::kNotFound, study ? "this study is not known" : "this instance is not known");
  std::vector<Label> labels;
  for (StoredLabel& stored : labels_from_text(found[0].text(0)))
    if (stored.level == subject.level) labels.push_back(std::move(stored.label));
  return labels;
}

std::vector<LabelCode> SqlStore::label_codes() {
  std::vector<LabelCode> codes;
  for (const SqlRow& row : read("SELECT name, value, code FROM labels", {}))
    codes.push_back({row.text(0), row.text(1), std::uint8_t(row.integer(2))});
  std::sort(codes.begin(), codes.end(), [](const LabelCode& a, const LabelCode& b) {
    return std::tie(a.name, a.value) < std::tie(b.name, b.value);
  });
  return codes;
}

}  // namespace chexworld
