// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tells another program of a study by HTTP: a signed POST after the Standard Webhooks convention
// (https://www.standardwebhooks.com), so that its libraries verify it.
#pragma once

#include "orthanc-plugin/study_archive.h"
#include "orthanc-plugin/study_writer.h"
#include "orthanc-plugin/write_back_settings.h"

#include "base/clock.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace chexworld::plugin {

struct HttpPost {
  std::string url;
  std::map<std::string, std::string> headers;
  std::string body;
  std::chrono::seconds time_limit{10};
};

/// How requests leave; Orthanc's own client in the product.
class HttpSender {
 public:
  virtual ~HttpSender() = default;
  /// Status of the answer. Throws Failure(kUnavailable) where there is none. Thread safe.
  virtual int post(const HttpPost& request) = 0;
};

/// Sends one event per study and content. Archive, sender and clock must outlive it.
std::unique_ptr<StudyWriter> make_webhook(StudyArchive& archive, HttpSender& sender, const WebhookSettings& settings,
                                          Clock& clock = Clock::system());

/// The event of a study: ids, model, and for each image view, quality and findings; nothing of the patient. The same
/// for the same results, byte for byte.
std::string webhook_body(const StudyArchive& archive, const StudyResults& study);
/// The event's name: the same for the same body.
std::string webhook_id(const std::string& body);
/// "v1," and the HMAC-SHA-256 of "ID.TIMESTAMP.BODY" in base64.
std::string webhook_signature(const std::string& key, const std::string& id, const std::string& timestamp,
                              const std::string& body);

}  // namespace chexworld::plugin
