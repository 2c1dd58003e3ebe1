// SPDX-License-Identifier: Apache-2.0
//
// docs/rest.md and docs/openapi.yaml name every route and metric that there is, and no others.
#include "support/openapi.h"
#include "support/process.h"
#include "support/temporary_folder.h"
#include "worker/routes.h"

#include <gmock/gmock.h>
#include <regex>
#include <set>

namespace chexworld::test {
namespace {

using Names = std::set<std::string>;

class Documents : public testing::Test {
 protected:
  static WorkerOptions options_in(const TemporaryFolder& folder) {
    WorkerOptions options;
    options.store = (folder / "store.sqlite").string();
    options.models = folder / "models";
    options.index = folder / "index";
    options.pseudonym_key = folder / "key";
    options.sandbox = false;
    return options;
  }

  Documents() {
    declare_metrics(metrics_, worker_);
    add_routes(router_, worker_, metrics_, later_);
  }

  Names routes() const {
    const std::vector<std::string> list = router_.routes();
    return {list.begin(), list.end()};
  }

  const std::string rest_ = text_of(CHEXWORLD_DOCS "/rest.md");
  const std::string openapi_ = text_of(CHEXWORLD_DOCS "/openapi.yaml");
  TemporaryFolder folder_;
  Worker worker_{options_in(folder_)};
  RequestPool later_{1, 10};
  Metrics metrics_;
  Router router_;
};

Names matches(const std::string& text, const std::regex& pattern) {
  Names found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
    found.insert((*match)[1]);
  return found;
}

TEST_F(Documents, RestPageHasARowForEachRoute) {
  EXPECT_EQ(matches(rest_, std::regex(R"(\| `((?:GET|POST|PUT|DELETE) /[^`?]*)` \|)")), routes());
}

TEST_F(Documents, RestPageHasARowForEachMetric) {
  const std::vector<std::string> list = metrics_.names();
  EXPECT_EQ(matches(rest_, std::regex(R"(\| `(chexworld_[a-z_]+)` \|)")), Names(list.begin(), list.end()));
}

TEST_F(Documents, OpenApiHasEachRoute) { EXPECT_EQ(openapi_routes(openapi_), routes()); }

TEST_F(Documents, OpenApiDefinesWhatItRefersTo) {
  const Names defined = matches(openapi_, std::regex(R"(\n    ([A-Z][A-Za-z]*):)"));
  for (const std::string& name : matches(openapi_, std::regex(R"(#/components/[a-z]+/([A-Za-z]+))")))
    EXPECT_TRUE(defined.contains(name)) << name;
}

}  // namespace
}  // namespace chexworld::test
