// SPDX-License-Identifier: Apache-2.0
#include "reference_item.h"

#include "support/test_data.h"

#include <cstring>
#include <stdexcept>

namespace chexworld::test {

namespace {

template <class T>
std::vector<T> values_of(const TensorView& view, DataType type, const std::string& name) {
  if (view.type != type) throw std::runtime_error(name + " is " + std::string(name_of(view.type)));
  std::vector<T> values(view.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
  return values;
}

}  // namespace

ReferenceItem::ReferenceItem(const std::string& name)
    : json_(read_config_file(reference_dir() / (name + ".json"))),
      file_(SafetensorsFile::open(reference_dir() / (name + ".safetensors"))) {
  leave_out("float32_vs_float64");  // describes the reference, not the algorithm
}

const Json& ReferenceItem::json(const std::string& key) {
  used_.insert(key);
  return json_.at(key);
}

const Json& ReferenceItem::whole_json() {
  for (const auto& [key, value] : json_.items()) used_.insert(key);
  return json_;
}

const TensorView& ReferenceItem::tensor(const std::string& name) {
  used_.insert(name);
  return file_.at(name);
}

std::vector<float> ReferenceItem::floats(const std::string& name) {
  return values_of<float>(tensor(name), DataType::kF32, name);
}

std::vector<std::int64_t> ReferenceItem::integers(const std::string& name) {
  return values_of<std::int64_t>(tensor(name), DataType::kI64, name);
}

std::vector<std::uint8_t> ReferenceItem::bytes(const std::string& name) {
  return values_of<std::uint8_t>(tensor(name), DataType::kU8, name);
}

GrayImage ReferenceItem::picture(const std::string& name) {
  const auto size = shape(name);
  if (size.size() != 2) throw std::runtime_error(name + " is not a picture");
  return {int(size[1]), int(size[0]), bytes(name)};
}

std::vector<std::string> ReferenceItem::unseen() const {
  std::vector<std::string> names;
  const auto seen = [&](const std::string& name) {
    return used_.contains(name) || used_.contains(name.substr(0, name.find('/')));
  };
  for (const auto& [key, value] : json_.items())
    if (!seen(key)) names.push_back("JSON key " + key);
  for (const auto& [name, view] : file_.tensors())
    if (!used_.contains(name)) names.push_back("tensor " + name);
  return names;
}

void require_known_keys(const Json& object, const std::set<std::string>& known, const std::string& where) {
  for (const auto& [key, value] : object.items())
    if (!known.contains(key)) throw std::runtime_error(where + ": key '" + key + "' is not covered by this test");
}

bool reference_present() { return have_reference(); }

bool whole_suite_runs() {
  const testing::TestSuite* suite = testing::UnitTest::GetInstance()->current_test_suite();
  return suite != nullptr && suite->test_to_run_count() == suite->total_test_count();
}

}  // namespace chexworld::test
