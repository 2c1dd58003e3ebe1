// SPDX-License-Identifier: Apache-2.0
//
// The contact sheet of a search: one HTML file with its pictures inside.
#include "base/failure.h"
#include "base/file.h"
#include "cli/search_output.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

#ifdef CHEXWORLD_HAVE_DICOM
#include "cli/file_list.h"
#include "image/png.h"
#include "image/resample.h"

#include <chexworld/radiograph.h>
#endif

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;
using Thumbnails = std::map<std::string, std::string>;  // PNG in base64, by SOP Instance UID

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      default: safe += c;
    }
  }
  return safe;
}

#ifdef CHEXWORLD_HAVE_DICOM

constexpr int kShortSide = 200;

std::string base64(std::span<const std::byte> bytes) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned block = 0;
    for (std::size_t j = 0; j < 3; ++j) block = block << 8 | (i + j < bytes.size() ? unsigned(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? kLetters[block >> (18 - 6 * j) & 63u] : '=';
  }
  return text;
}

std::string thumbnail(const GrayImage& picture) { return base64(encode_png(resize_short_side(picture, kShortSide))); }

/// A file's image, if it is one of those wanted: by name where it is a picture, else by what the object says.
std::optional<std::pair<std::string, GrayImage>> wanted_image(const fs::path& path, const Thumbnails& wanted) {
  const std::string extension = path.extension();
  if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") {
    const std::string uid = path.stem();
    if (!wanted.contains(uid)) return std::nullopt;
    return std::pair(uid, read_picture(path));
  }
  RenderOptions options;
  options.fast = true;
  options.short_side = kShortSide;
  Result<Radiograph> loaded = load_radiograph(path, options);
  if (!loaded || loaded->picture.pixels.empty() || !wanted.contains(loaded->attributes.sop_instance_uid))
    return std::nullopt;
  return std::pair(loaded->attributes.sop_instance_uid, std::move(loaded->picture));
}

/// Fills in the pictures of the wanted UIDs; what cannot be read counts as not there.
void find_thumbnails(const std::vector<fs::path>& images, Thumbnails& wanted) {
  std::size_t missing = wanted.size();
  for (const InputFile& file : list_files(images)) {
    if (missing == 0) return;
    const auto found = capture([&] { return wanted_image(file.path, wanted); });
    if (!found || !*found || !wanted[(*found)->first].empty()) continue;
    const auto picture = capture([&] { return thumbnail((*found)->second); });
    if (!picture) continue;
    wanted[(*found)->first] = *picture;
    --missing;
  }
}

#else

void find_thumbnails(const std::vector<fs::path>&, Thumbnails&) {}

#endif

std::string picture_of(const ResultHit& hit, const Thumbnails& thumbnails) {
  const std::string& picture = thumbnails.at(hit.result.instance.sop_instance_uid);
  if (picture.empty()) return "<div class=\"none\">no picture found for this image</div>";
  std::string html = "<div class=\"film\"><img alt=\"\" src=\"data:image/png;base64," + picture + "\">";
  return html + "</div>";
}

std::string card(int rank, const ResultHit& hit, const std::vector<std::string>& labels, const Thumbnails& thumbnails) {
  const InstanceRecord& instance = hit.result.instance;
  char score[32];
  std::snprintf(score, sizeof score, "%.4f", double(hit.score));
  std::string facts;
  for (const std::string& fact : {instance.view, instance.sex, age_text(instance), date_text(instance)})
    if (!fact.empty()) facts += (facts.empty() ? "" : " &middot; ") + escaped(fact);
  return "<figure>" + picture_of(hit, thumbnails) + "<figcaption><b>" + std::to_string(rank) + "</b> score " + score +
         "<br>" + facts + "<br>" + escaped(finding_summary(hit, labels)) + "<br>" + escaped(label_summary(hit)) +
         "<br><code>" + escaped(instance.sop_instance_uid) + "</code></figcaption></figure>\n";
}

constexpr const char* kHead =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Similar radiographs</title>\n<style>\n"
    "body{font:14px sans-serif;background:#111;color:#ddd;margin:1em}\n"
    "main{display:flex;flex-wrap:wrap;gap:1em}\n"
    "figure{margin:0;width:240px}\n"
    ".film img{width:100%;height:240px;object-fit:contain;background:#000}\n"
    ".none{height:240px;display:flex;align-items:center;justify-content:center;background:#222;color:#888}\n"
    "code{font-size:10px;word-break:break-all}\n</style>\n";

}  // namespace

std::size_t write_contact_sheet(const fs::path& path, const SearchOutput& output, const std::vector<fs::path>& images) {
  Thumbnails thumbnails;
  for (const ResultHit& hit : output.reply.hits) thumbnails[hit.result.instance.sop_instance_uid];
  find_thumbnails(images, thumbnails);
  std::string html = std::string(kHead) + "<h1>Similar radiographs</h1>\n<p>model <code>" +
                     escaped(output.reply.model_id) + "</code>. Not for diagnosis.</p>\n<main>\n";
  int rank = 0;
  for (const ResultHit& hit : output.reply.hits) html += card(++rank, hit, output.labels, thumbnails);
  write_file_atomically(path, html + "</main></html>\n");
  return std::size_t(
      std::count_if(thumbnails.begin(), thumbnails.end(), [](const auto& t) { return !t.second.empty(); }));
}

}  // namespace chexworld::cli
