// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"

#include <cerrno>
#include <new>
#include <system_error>

namespace chexworld {
namespace {

ErrorCode code_of_errno(int number) {
  switch (number) {
    case ENOENT: return ErrorCode::kNotFound;
    case EEXIST: return ErrorCode::kConflict;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM: return ErrorCode::kResourceExhausted;
    default: return ErrorCode::kInputOutput;
  }
}

}  // namespace

void fail(ErrorCode code, std::string message) { throw Failure(code, std::move(message)); }

void fail_errno(std::string_view doing, int error_number) {
  std::string message(doing);
  message += ": " + std::generic_category().message(error_number);
  if (error_number == ENOSPC || error_number == EDQUOT) message += " (free space on that disk, then try again)";
  fail(code_of_errno(error_number), std::move(message));
}

Error current_error() {
  try {
    throw;
  } catch (const Failure& failure) {
    return failure.error();
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kResourceExhausted, "out of memory"};
  } catch (const std::system_error& error) {
    return {code_of_errno(error.code().value()), error.what()};
  } catch (const std::exception& error) {
    return {ErrorCode::kInternal, error.what()};
  } catch (...) {
    return {ErrorCode::kInternal, "unknown exception"};
  }
}

}  // namespace chexworld
