// SPDX-License-Identifier: Apache-2.0
//
// How this library reports what went wrong.
//
// Expected outcomes are values: every public function that can fail returns Result<T>. Inside the
// library exceptions carry the same Error; nothing is thrown across the public edge except
// std::bad_alloc and what Result::value() throws when asked for a value that is not there.
//
// Thread safety: Error and Result are plain values; distinct objects may be used from any thread.
#pragma once

#include <chexworld/export.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace chexworld {

/// What kind of failure it is, for programs. The sentence for people is Error::message().
enum class ErrorCode {
  kInvalidArgument,    ///< the caller asked for something impossible          exit 2, HTTP 400
  kUnauthorized,       ///< no or wrong credentials                            exit 1, HTTP 401
  kNotFound,           ///< the named thing does not exist                     exit 1, HTTP 404
  kConflict,           ///< it exists already, or its state forbids this       exit 1, HTTP 409
  kTooLarge,           ///< over a configured limit                            exit 1, HTTP 413
  kMalformed,          ///< the bytes are not what they claim to be            exit 1, HTTP 422
  kUnsupported,        ///< well-formed, but a kind we do not handle           exit 1, HTTP 415
  kResourceExhausted,  ///< out of disk space, memory or queue slots           exit 1, HTTP 507
  kTimeout,            ///< did not finish within its time limit               exit 1, HTTP 504
  kUnavailable,        ///< a needed service is down; trying later may help    exit 1, HTTP 503
  kCancelled,          ///< stopped on request                                 exit 1, HTTP 499
  kInputOutput,        ///< the operating system refused to read or write      exit 1, HTTP 500
  kInternal,           ///< a defect in this library                           exit 1, HTTP 500
};

/// Stable kebab-case name for JSON and logs, e.g. "malformed".
CHEXWORLD_API std::string_view name_of(ErrorCode code);

/// A failure: its kind and one sentence naming the thing, the place and the remedy.
/// Never contains patient names, identifiers, birth dates or accession numbers.
class CHEXWORLD_API Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  /// Puts the place in front: "reading model.safetensors: header is not JSON".
  Error& within(std::string_view context);

  int http_status() const;
  int exit_status() const;

  friend bool operator==(const Error&, const Error&) = default;

 private:
  ErrorCode code_;
  std::string message_;
};

/// An Error on its way up through code that uses exceptions.
class CHEXWORLD_API Failure : public std::runtime_error {
 public:
  explicit Failure(Error error) : std::runtime_error(error.message()), error_(std::move(error)) {}
  Failure(ErrorCode code, std::string message) : Failure(Error(code, std::move(message))) {}

  const Error& error() const { return error_; }

 private:
  Error error_;
};

/// Either a T or the Error that prevented it.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// The value; throws Failure when there is none.
  T& value() & { return require(), std::get<0>(state_); }
  const T& value() const& { return require(), std::get<0>(state_); }
  T&& value() && { return require(), std::get<0>(std::move(state_)); }

  /// The value; only after ok().
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

  /// The error; only after !ok().
  const Error& error() const { return std::get<1>(state_); }

 private:
  void require() const {
    if (!ok()) throw Failure(std::get<1>(state_));
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  void value() const {
    if (!ok()) throw Failure(std::get<1>(state_));
  }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<std::monostate, Error> state_;
};

}  // namespace chexworld
