// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/answer_cache.h"

namespace chexworld::plugin {

void AnswerCache::keep(const std::string& target, const std::string& body) {
  const std::scoped_lock lock(mutex_);
  erase(target);
  entries_.push_front({target, body, clock_.wall()});
  by_name_[target] = entries_.begin();
  bytes_ += entries_.front().bytes();
  while (bytes_ > most_bytes_) erase(std::string(entries_.back().target));
}

void AnswerCache::drop(const std::string& target) {
  const std::scoped_lock lock(mutex_);
  erase(target);
}

void AnswerCache::clear() {
  const std::scoped_lock lock(mutex_);
  entries_.clear();
  by_name_.clear();
  bytes_ = 0;
}

void AnswerCache::erase(const std::string& target) {
  const auto found = by_name_.find(target);
  if (found == by_name_.end()) return;
  bytes_ -= found->second->bytes();
  entries_.erase(found->second);
  by_name_.erase(found);
}

std::optional<Json> AnswerCache::find(const std::string& target) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_name_.find(target);
  if (found == by_name_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  Json answer = Json::parse(found->second->body, nullptr, false);
  if (!answer.is_object()) return std::nullopt;
  answer["answered_from"] = "cache";
  answer["as_of"] = iso8601_utc(found->second->at);
  return answer;
}

}  // namespace chexworld::plugin
