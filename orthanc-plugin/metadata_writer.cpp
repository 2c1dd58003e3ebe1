// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/metadata_writer.h"

#include <algorithm>

namespace chexworld::plugin {
namespace {

using Names = std::vector<std::string>;

/// Why the model gave no answer for an image; empty where it did.
std::string abstention_of(const Json& instance) {
  const auto found = instance.find("abstained");
  return found != instance.end() && found->is_object() ? "abstained: " + found->value("reason", "") : "";
}

/// Names of the present findings, in the model's order.
Names present_in(const Json& instance) {
  Names names;
  for (const Json& finding : instance.value("findings", Json::array()))
    if (finding.value("present", false)) names.push_back(finding.at("name").get<std::string>());
  return names;
}

void add_new(Names& all, const Names& some) {
  for (const std::string& name : some)
    if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
}

std::string joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ";") + name;
  return text;
}

class MetadataWriter final : public StudyWriter {
 public:
  MetadataWriter(StudyArchive& archive, int first) : archive_(archive), first_(first) {}

  void write(const StudyResults& study) override {
    Names all, abstentions;
    int answered = 0;
    for (const Json& instance : study.instances) {
      const Names names = present_in(instance);
      const std::string abstained = abstention_of(instance);
      add_new(abstained.empty() ? all : abstentions, abstained.empty() ? names : Names{abstained});
      answered += abstained.empty() ? 1 : 0;
      const auto id = archive_.instance(instance.at("sop_instance_uid").get<std::string>());
      if (id) set(Level::kInstance, *id, study.model_id, abstained.empty() ? names : Names{abstained});
    }
    set(Level::kStudy, study.study_id, study.model_id, answered > 0 ? all : abstentions);
  }

 private:
  void set(Level level, const std::string& id, const std::string& model_id, const Names& findings) {
    const std::string values[] = {"embedded", model_id, joined(findings)};
    for (int i = 0; i < 3; ++i)
      if (archive_.metadata(level, id, first_ + i) != values[i])
        archive_.set_metadata(level, id, first_ + i, values[i]);
  }

  StudyArchive& archive_;
  const int first_;
};

}  // namespace

std::unique_ptr<StudyWriter> make_metadata_writer(StudyArchive& archive, int first) {
  return std::make_unique<MetadataWriter>(archive, first);
}

}  // namespace chexworld::plugin
