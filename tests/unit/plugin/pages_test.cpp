// SPDX-License-Identifier: Apache-2.0
//
// The pages are whole, fetch nothing from elsewhere, and put nothing into a page as HTML.
#include "orthanc-plugin/pages.h"
#include "support/process.h"

#include <gmock/gmock.h>
#include <regex>

namespace chexworld::plugin {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> kPages{"index.html", "study.html"};
const std::vector<std::string> kScripts{"page.js", "index.js", "study.js", "explorer.js"};

TEST(Pages, HoldWhatTheyReferTo) {
  for (const std::string& name : kPages) {
    const std::string text = page(name).body;
    const std::regex reference(R"re((?:src|href)="([a-z]+\.(?:js|css))")re");
    int found = 0;
    for (std::sregex_iterator match(text.begin(), text.end(), reference), end; match != end; ++match, ++found)
      EXPECT_FALSE(page((*match)[1]).body.empty());
    EXPECT_GE(found, 3) << name;
  }
  EXPECT_FALSE(explorer_script().empty());
  EXPECT_EQ(page("openapi.yaml").body, test::text_of(CHEXWORLD_DOCS "/openapi-plugin.yaml"));
}

TEST(Pages, CarryAPolicyThatAllowsNothingFromElsewhere) {
  const Response response = page("study.html");
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(response.headers.at("Content-Security-Policy"), HasSubstr("default-src 'none'; script-src 'self'"));
  EXPECT_THAT(response.headers.at("Content-Security-Policy"), Not(HasSubstr("unsafe")));
}

TEST(Pages, NameNoOtherServerAndHoldNoScriptsOrStylesInHtml) {
  for (const std::string& name : kPages) {
    const std::string text = page(name).body;
    EXPECT_THAT(text, Not(HasSubstr("http"))) << name;
    EXPECT_THAT(text, Not(HasSubstr("style=\""))) << name;
    EXPECT_FALSE(std::regex_search(text, std::regex(R"( on[a-z]+=|<script>)"))) << name;
  }
}

TEST(Pages, ScriptsPutInNothingAsHtml) {
  for (const std::string& name : kScripts)
    for (const char* unwanted : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", ".html("})
      EXPECT_THAT(std::string(embedded_file(name)), Not(HasSubstr(unwanted))) << name;
}

TEST(Pages, UnknownNamesAreNotFound) {
  for (const char* name : {"", "other.html", "../study.html", "explorer.jsx"})
    EXPECT_THROW(page(name), Failure) << name;
}

}  // namespace
}  // namespace chexworld::plugin
