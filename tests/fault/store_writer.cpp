// SPDX-License-Identifier: Apache-2.0
//
// Works on a store, with indexes attached, until it is killed: usage store_writer LOCATION INDEXES. It queues objects,
// claims them, commits their results, replaces some and removes some, and after each committed step prints what it was:
// "queued N" (up to object N), "done N", "removed N". Each step moves the cursor "steps" by one in the same
// transaction. It goes on where a killed one ended.
#include "retrieval/retrieval.h"
#include "support/store_samples.h"

#include <cstdio>
#include <unistd.h>

namespace chexworld::test {
namespace {

constexpr int kAtOnce = 4;
constexpr int kRemoveEvery = 5;
constexpr int kPersistEvery = 30;  // changes

/// One line, written at once: it is there whole or not at all.
void acknowledge(const char* what, int number) {
  char line[64];
  const int size = std::snprintf(line, sizeof line, "%s %d\n", what, number);
  if (write(STDOUT_FILENO, line, std::size_t(size)) != size) _exit(3);
}

class Writer {
 public:
  Writer(const std::string& location, const std::string& indexes) : store_(open_store(location)) {
    store_->add_model(model_);
    RetrievalOptions options;
    options.folder = indexes;
    options.persist_changes = kPersistEvery;
    options.opening.most_rows = 1 << 20;
    retrieval_ = std::make_unique<Retrieval>(*store_, options);
  }

  void work_on() {
    queue();
    for (const ClaimedWork& work :
         store_->claim({model_.model_id, "writer", kAtOnce, std::chrono::milliseconds(1), 1000}))
      finish(work);
    retrieval_->catch_up();
  }

 private:
  void commit(Batch batch) {
    const std::uint64_t steps = store_->cursor("steps");
    batch.cursor = CursorAdvance{"steps", steps, steps + 1};
    store_->commit(batch);
  }

  void queue() {
    const auto first = int(store_->cursor("objects"));
    Batch batch;
    for (int number = first + 1; number <= first + kAtOnce; ++number)
      batch.arrivals.push_back({sample_location(number), model_.model_id});
    batch.cursor = CursorAdvance{"objects", std::uint64_t(first), std::uint64_t(first + kAtOnce)};
    store_->commit(batch);
    acknowledge("queued", first + kAtOnce);
  }

  void finish(const ClaimedWork& work) {
    const int number = number_of(work.location);
    commit({{done(work, number, model_)}, {}, {}, {}});
    acknowledge("done", number);
    if (number % kRemoveEvery != 0) return;
    commit({{}, {}, {work.location}, {}});
    acknowledge("removed", number);
  }

  const ModelRecord model_ = sample_model();
  std::unique_ptr<Store> store_;
  std::unique_ptr<Retrieval> retrieval_;
};

}  // namespace
}  // namespace chexworld::test

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    chexworld::test::Writer writer(argv[1], argv[2]);
    for (;;) writer.work_on();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "store_writer: %s\n", error.what());
    return 1;
  }
}
