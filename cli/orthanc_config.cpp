// SPDX-License-Identifier: Apache-2.0
//
// `chexworld orthanc-config`: Orthanc's configuration from files and ORTHANC__ variables, for containers. Orthanc
// itself reads no variables and refuses a section that two files define.
#include "base/config.h"
#include "base/failure.h"
#include "base/file.h"
#include "cli/commands.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "ORTHANC__";

struct OrthancConfigArguments {
  std::vector<fs::path> sources;
  fs::path secrets;
  fs::path output;
};

// ---- files -------------------------------------------------------------------------------------------

std::string text_of(const fs::path& file) {
  const std::vector<std::byte> bytes = read_file(file, 16u << 20);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The file itself, or a folder's .json files by name.
std::vector<fs::path> files_of(const fs::path& source) {
  if (!fs::is_directory(source)) return {source};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(source))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// Sections are joined, everything else is replaced.
void join(Json& configuration, const Json& later) {
  for (const auto& [key, value] : later.items()) {
    if (value.is_object() && configuration.contains(key) && configuration[key].is_object())
      join(configuration[key], value);
    else
      configuration[key] = value;
  }
}

/// JSON with comments, as Orthanc takes it.
Json parse_orthanc_file(const fs::path& file) {
  const std::string text = text_of(file);
  try {
    return Json::parse(text, nullptr, true, true);
  } catch (const Json::parse_error& error) {
    const auto end = text.begin() + std::ptrdiff_t(std::min(error.byte, text.size()));
    fail(ErrorCode::kMalformed,
         file.string() + ": not valid JSON at line " + std::to_string(1 + std::count(text.begin(), end, '\n')));
  }
}

void join_file(Json& configuration, const fs::path& file) {
  const Json later = parse_orthanc_file(file);
  if (!later.is_object()) fail(ErrorCode::kMalformed, file.string() + ": expected an object of keys and values");
  join(configuration, later);
}

// ---- variables ---------------------------------------------------------------------------------------

/// By name: the environment's, and those that files in the folder of secrets stand for.
std::map<std::string, std::string> variables(const fs::path& secrets) {
  std::map<std::string, std::string> found;
  std::error_code absent;
  for (const fs::directory_entry& entry : fs::directory_iterator(secrets, absent)) {
    std::string text = entry.path().filename().string().starts_with(kPrefix) ? text_of(entry.path()) : "";
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    if (!text.empty()) found[entry.path().filename().string()] = text;
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    const std::size_t sign = variable.find('=');
    if (variable.starts_with(kPrefix) && sign != std::string_view::npos)
      found[std::string(variable.substr(0, sign))] = variable.substr(sign + 1);
  }
  return found;
}

/// "HTTP_PORT" and "HttpPort" are one name.
std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name)
    if (c != '_') text += char(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The spelling that is there already ("HttpsCACertificates"), else "HTTP_PORT" becomes "HttpPort".
std::string key_for(const Json& section, std::string_view word) {
  for (const auto& [key, value] : section.items())
    if (folded(key) == folded(word)) return key;
  std::string key;
  bool starts = true;
  for (const char c : word) {
    if (c != '_')
      key += char(starts ? std::toupper(static_cast<unsigned char>(c)) : std::tolower(static_cast<unsigned char>(c)));
    starts = c == '_';
  }
  return key;
}

/// Text where text stands now. Elsewhere true, false, numbers, lists and objects are what JSON says, the rest is text.
Json value_of(const std::string& name, const std::string& text, const Json* now) {
  if (now != nullptr && now->is_string()) return text;
  Json value = Json::parse(text, nullptr, false);
  if (!value.is_discarded()) return value;
  if (text.starts_with('{') || text.starts_with('['))
    fail(ErrorCode::kInvalidArgument, name + " begins like JSON, but is not valid JSON");
  return text;
}

/// ORTHANC__CHEXWORLD__WORKER__URL: the words between the double underscores are section, section and key.
void set(Json& configuration, const std::string& name, const std::string& text) {
  std::string_view rest = std::string_view(name).substr(kPrefix.size());
  Json* section = &configuration;
  for (;;) {
    const std::size_t end = rest.find("__");
    const std::string_view word = rest.substr(0, end);
    if (word.empty()) fail(ErrorCode::kInvalidArgument, name + " names no key");
    const std::string key = key_for(*section, word);
    if (end == std::string_view::npos) {
      (*section)[key] = value_of(name, text, section->contains(key) ? &(*section)[key] : nullptr);
      return;
    }
    section = &(*section)[key];
    if (section->is_null()) *section = Json::object();
    if (!section->is_object()) fail(ErrorCode::kInvalidArgument, name + ": '" + key + "' is a value, not a section");
    rest.remove_prefix(end + 2);
  }
}

// ---- the command -------------------------------------------------------------------------------------

void make_configuration(const OrthancConfigArguments& arguments) {
  Json configuration = Json::object();
  for (const fs::path& source : arguments.sources)
    for (const fs::path& file : files_of(source)) join_file(configuration, file);
  for (const auto& [name, text] : variables(arguments.secrets)) set(configuration, name, text);
  const std::string text = configuration.dump(2) + "\n";
  if (arguments.output.empty()) {
    std::fputs(text.c_str(), stdout);
    return;
  }
  umask(0077);  // there are passwords in it
  write_file_atomically(arguments.output, text);
}

}  // namespace

void add_orthanc_config(CLI::App& application) {
  CLI::App* command = application.add_subcommand(
      "orthanc-config", "Orthanc's configuration from files and ORTHANC__SECTION__KEY variables, for containers");
  const auto arguments = std::make_shared<OrthancConfigArguments>();
  command->add_option("SOURCE", arguments->sources, "JSON files, or folders of them; later ones have the last word");
  command->add_option("--secrets", arguments->secrets, "Folder whose files are named and used like variables");
  command->add_option("-o,--output", arguments->output, "File to write, mode 0600, instead of standard output");
  command->callback([arguments] { make_configuration(*arguments); });
}

}  // namespace chexworld::cli
