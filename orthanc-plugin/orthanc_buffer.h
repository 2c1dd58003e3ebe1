// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <orthanc/OrthancCPlugin.h>
#include <string_view>
#include <utility>

namespace chexworld::plugin {

/// Memory that Orthanc gave and takes back.
class OrthancBuffer {
 public:
  explicit OrthancBuffer(OrthancPluginContext* context) : context_(context) {}
  OrthancBuffer(OrthancBuffer&& other) noexcept
      : context_(other.context_), memory_(std::exchange(other.memory_, OrthancPluginMemoryBuffer{})) {}
  OrthancBuffer& operator=(OrthancBuffer&&) = delete;
  ~OrthancBuffer() {
    if (memory_.data) OrthancPluginFreeMemoryBuffer(context_, &memory_);
  }

  OrthancPluginMemoryBuffer* target() { return &memory_; }
  std::string_view text() const { return {static_cast<const char*>(memory_.data), memory_.size}; }

 private:
  OrthancPluginContext* context_;
  OrthancPluginMemoryBuffer memory_{};
};

}  // namespace chexworld::plugin
