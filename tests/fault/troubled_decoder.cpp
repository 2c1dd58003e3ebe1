// SPDX-License-Identifier: Apache-2.0
//
// A decoder process that does what a broken or conquered one might: objects that start with "TROUBLE" say what.
#include "sandbox/decoder_process.h"
#include "sandbox/prepare_radiograph.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace chexworld;

constexpr std::string_view kTrouble = "TROUBLE ";

void eat_memory() {
  std::vector<std::vector<char>> eaten;
  for (;;) eaten.emplace_back(64u << 20, 'x');
}

/// What the walls must stop; the process goes on where it was refused politely.
std::string escape(std::string_view how) {
  if (how == "socket") socket(AF_INET, SOCK_STREAM, 0);
  if (how == "execute") execl("/bin/true", "true", nullptr);
  if (how == "fork" && fork() >= 0) return "forked";
  if (how == "open" && open("/etc/passwd", O_RDONLY) >= 0) return "opened";
  if (how == "create" && open("/tmp/chexworld-escaped", O_RDWR | O_CREAT, 0600) >= 0) return "created";
  if (how == "signal" && kill(getppid(), 0) == 0) return "signalled";
  if (how == "code" && mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
    return "mapped code";
  for (int descriptor = 4; how == "descriptors" && descriptor < 16; ++descriptor)
    if (descriptor != 4 && fcntl(descriptor, F_GETFD) >= 0) return "holds a descriptor";
  return "held";
}

/// Sends bytes that are no answer.
void lie(std::string_view how) {
  struct {
    std::uint32_t magic = 0x31445843, text = 0, pixels = 0;
  } header;
  std::string text = "{}";
  if (how == "magic") header.magic = 7;
  if (how == "length") header.text = 0xffffffff;
  if (how == "pixels") header.pixels = 0x7fffffff;
  if (how == "json") text = "[[[[[[";
  if (how == "verdict") text = R"({"gate":{"reason":99,"view":0,"projection":0,"view_from":0}})";
  if (how == "missing") text = R"({"gate":{"reason":0,"view":0,"projection":0,"view_from":0}})";  // accepted, no pixels
  if (how == "error") text = R"({"error":4711,"message":"x"})";
  if (how == "json" || how == "verdict" || how == "missing" || how == "error" || how == "empty")
    header.text = std::uint32_t(text.size());
  send(kDecoderSocket, &header, sizeof header, MSG_NOSIGNAL);
  send(kDecoderSocket, text.data(), text.size(), MSG_NOSIGNAL);
}

PreparedRadiograph make_trouble(std::string_view what) {
  const auto argument = [&](std::string_view verb) { return what.substr(verb.size()); };
  if (what == "crash") std::raise(SIGSEGV);
  if (what == "abort") std::abort();
  if (what == "exit") _exit(0);
  if (what == "hang")
    for (;;) pause();
  for (volatile bool spinning = what == "spin"; spinning;) continue;
  if (what == "eat") eat_memory();
  if (what == "killed") std::raise(SIGKILL);
  if (what == "throw") throw 7;
  if (what.starts_with("lie ")) lie(argument("lie "));
  PreparedRadiograph answer;
  answer.gate.reason = GateReason::kNotAnImage;
  if (what.starts_with("escape ")) answer.gate.detail = escape(argument("escape "));
  return answer;
}

PreparedRadiograph decode(std::span<const std::byte> bytes, const PreparationRecipe& recipe,
                          const DecoderOptions& options, int film_side) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with(kTrouble) ? make_trouble(text.substr(kTrouble.size()))
                                    : prepare_radiograph(bytes, recipe, options, film_side);
}

}  // namespace

int main() { return run_decoder_process(decode); }
