// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pages for people, part of the library: nothing of them is fetched from elsewhere.
#pragma once

#include "orthanc-plugin/rest.h"

#include <string>

namespace chexworld::plugin {

/// A file of orthanc-plugin/pages, or "openapi.yaml"; throws Failure(kNotFound) where there is no such file.
Response page(const std::string& name);

/// What Orthanc Explorer runs to show our buttons.
std::string explorer_script();

/// The content of such a file; empty where there is none. Generated (cmake/embed_files.cmake).
std::string_view embedded_file(std::string_view name);

}  // namespace chexworld::plugin
