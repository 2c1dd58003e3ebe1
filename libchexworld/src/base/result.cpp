// SPDX-License-Identifier: Apache-2.0
#include <chexworld/result.h>

#include <array>

namespace chexworld {
namespace {

struct CodeFacts {
  ErrorCode code;
  std::string_view name;
  int http_status;
};

constexpr std::array kFacts{
    CodeFacts{ErrorCode::kInvalidArgument, "invalid-argument", 400},
    CodeFacts{ErrorCode::kUnauthorized, "unauthorized", 401},
    CodeFacts{ErrorCode::kNotFound, "not-found", 404},
    CodeFacts{ErrorCode::kConflict, "conflict", 409},
    CodeFacts{ErrorCode::kTooLarge, "too-large", 413},
    CodeFacts{ErrorCode::kMalformed, "malformed", 422},
    CodeFacts{ErrorCode::kUnsupported, "unsupported", 415},
    CodeFacts{ErrorCode::kResourceExhausted, "resource-exhausted", 507},
    CodeFacts{ErrorCode::kTimeout, "timeout", 504},
    CodeFacts{ErrorCode::kUnavailable, "unavailable", 503},
    CodeFacts{ErrorCode::kCancelled, "cancelled", 499},
    CodeFacts{ErrorCode::kInputOutput, "input-output", 500},
    CodeFacts{ErrorCode::kInternal, "internal", 500},
};

const CodeFacts& facts_of(ErrorCode code) {
  for (const CodeFacts& facts : kFacts) {
    if (facts.code == code) return facts;
  }
  return kFacts.back();
}

}  // namespace

std::string_view name_of(ErrorCode code) { return facts_of(code).name; }

Error& Error::within(std::string_view context) {
  message_.insert(0, std::string(context) + ": ");
  return *this;
}

int Error::http_status() const { return facts_of(code_).http_status; }

int Error::exit_status() const { return code_ == ErrorCode::kInvalidArgument ? 2 : 1; }

}  // namespace chexworld
