// SPDX-License-Identifier: Apache-2.0
//
// One item of the reference numbers, NAME.json and NAME.safetensors, that notices what no test looked at.
#pragma once

#include "base/config.h"
#include "bundle/safetensors.h"
#include "image/image.h"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace chexworld::test {

class ReferenceItem {
 public:
  explicit ReferenceItem(const std::string& name);

  /// The value of a top-level key; counts as looked at.
  const Json& json(const std::string& key);
  /// All of them at once, for tests that check the keys themselves.
  const Json& whole_json();
  const TensorView& tensor(const std::string& name);
  const TensorMap& tensors() const { return file_.tensors(); }
  bool has(const std::string& name) const { return file_.has(name); }
  std::vector<std::int64_t> shape(const std::string& name) { return tensor(name).shape; }

  std::vector<float> floats(const std::string& name);
  std::vector<std::int64_t> integers(const std::string& name);
  std::vector<std::uint8_t> bytes(const std::string& name);
  GrayImage picture(const std::string& name);  ///< u8[H, W]

  /// Keys and tensors that another binary or nobody needs to look at, with everything below `name/`.
  void leave_out(const std::string& name) { used_.insert(name); }

  /// Names of JSON keys and tensors that nobody asked for.
  std::vector<std::string> unseen() const;

 private:
  Json json_;
  SafetensorsFile file_;
  std::set<std::string> used_;
};

/// A test suite over one item: skips where the reference is absent, fails at its end if something was not looked at.
/// Derive as `class X : public ReferenceSuite<X>` with `static constexpr const char* kItem`.
template <class Derived>
class ReferenceSuite : public testing::Test {
 protected:
  static void SetUpTestSuite() { item_ = nullptr; }
  void SetUp() override;
  static void TearDownTestSuite();
  ReferenceItem& item() { return *item_; }

 private:
  static inline ReferenceItem* item_ = nullptr;
};

/// Throws unless every key of `object` is in `known`.
void require_known_keys(const Json& object, const std::set<std::string>& known, const std::string& where);

bool reference_present();
bool whole_suite_runs();

template <class Derived>
void ReferenceSuite<Derived>::SetUp() {
  if (!reference_present()) GTEST_SKIP() << "no reference numbers here (CHEXWORLD_REFERENCE_DIR)";
  if (item_ == nullptr) item_ = new ReferenceItem(Derived::kItem);
}

template <class Derived>
void ReferenceSuite<Derived>::TearDownTestSuite() {
  if (item_ != nullptr && whole_suite_runs()) {
    EXPECT_EQ(item_->unseen(), std::vector<std::string>{}) << "of item " << Derived::kItem;
  }
  delete item_;
  item_ = nullptr;
}

}  // namespace chexworld::test
