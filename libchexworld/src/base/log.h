// SPDX-License-Identifier: Apache-2.0
//
// Log lines: what happened, to which thing, by Orthanc id or file name.
// Never patient names, ids, birth dates or accession numbers; callers pass only what may be seen.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace chexworld {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Writes one line to standard error, or to the sink; thread safe. Line breaks in `message` become spaces.
void log(LogLevel level, std::string_view message);
inline void log_debug(std::string_view message) { log(LogLevel::kDebug, message); }
inline void log_info(std::string_view message) { log(LogLevel::kInfo, message); }
inline void log_warning(std::string_view message) { log(LogLevel::kWarning, message); }
inline void log_error(std::string_view message) { log(LogLevel::kError, message); }

/// Lines below `level` are dropped; kInfo at start.
void set_log_level(LogLevel level);

/// Sends lines elsewhere (Orthanc's log, a test); an empty function restores standard error.
/// The sink must be thread safe and must not log.
using LogSink = std::function<void(LogLevel, std::string_view)>;
void set_log_sink(LogSink sink);

}  // namespace chexworld
