// SPDX-License-Identifier: Apache-2.0
#include "support/store_samples.h"

namespace chexworld::test {

ModelRecord sample_model(const std::string& id) { return {id, "sample", 12, {"effusion", "pneumonia"}}; }

InstanceRecord sample_instance(int number) {
  const std::string text = std::to_string(number);
  InstanceRecord instance;
  instance.sop_instance_uid = "1.2.3." + text;
  instance.series_instance_uid = "1.2.4." + text;
  instance.study_instance_uid = "1.2.5." + std::to_string(number / 2);
  instance.patient_key = "key-" + std::to_string(number / 4);
  instance.view = number % 2 == 0 ? "PA" : "LL";
  instance.sex = number % 3 == 0 ? "F" : "M";
  instance.institution = "Krankenhaus \xc3\x84rzteplatz";
  instance.device = "device '\"; --";
  instance.sop_class_uid = "1.2.840.10008.5.1.4.1.1.1";
  if (number % 5 != 0) {
    instance.acquisition_date = std::chrono::year(2020) / 2 / (1 + number % 28);
    instance.age_years = 20 + number % 60 + 0.25;
  }
  return instance;
}

Location sample_location(int number, const std::string& server) {
  return {server, "instance-" + std::to_string(number), "series-" + std::to_string(number), "study"};
}

int number_of(const Location& location) { return std::stoi(location.instance_id.substr(9)); }

ResultRecord sample_result(int number, const ModelRecord& model) {
  ResultRecord result;
  result.model_id = model.model_id;
  for (std::uint32_t i = 0; i < model.embedding_size; ++i)  // sixteenths: exact in f16
    result.embedding.push_back(float(1 + (number * 7 + int(i) * 13) % 32) / 16);
  for (std::size_t i = 0; i < model.finding_labels.size(); ++i)
    result.finding_probabilities.push_back(float((number + int(i)) % 11) / 10);
  result.preprocessing_version = "prepare-1";
  result.precision = "bf16";
  result.decode_ms = 1.5f;
  result.prepare_ms = 2.25f;
  result.infer_ms = 80;
  if (number % 3 == 0) result.quality = {"low-contrast", "burned-in-text"};
  return result;
}

Outcome sample_outcome(int number, const ModelRecord& model) {
  Outcome outcome;
  outcome.location = sample_location(number);
  outcome.model_id = model.model_id;
  outcome.instance = sample_instance(number);
  outcome.result = sample_result(number, model);
  return outcome;
}

Outcome done(const ClaimedWork& work, int number, const ModelRecord& model) {
  Outcome outcome = sample_outcome(number, model);
  outcome.lease = work.lease;
  outcome.location = work.location;
  return outcome;
}

}  // namespace chexworld::test
