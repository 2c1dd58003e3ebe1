// SPDX-License-Identifier: Apache-2.0
//
// Both real backends of the store, and records to put in.
#pragma once

#include "store/store.h"
#include "support/postgres_server.h"
#include "support/temporary_folder.h"

#include <memory>
#include <string>

namespace chexworld::test {

/// Gives out places for new, empty stores of one backend.
class StoreBackend {
 public:
  virtual ~StoreBackend() = default;
  virtual std::string fresh_location() = 0;
};

class SqliteBackend final : public StoreBackend {
 public:
  std::string fresh_location() override;

 private:
  TemporaryFolder folder_;
  int count_ = 0;
};

/// One server, a database of its own for each store.
class PostgresBackend final : public StoreBackend {
 public:
  std::string fresh_location() override;
  PostgresServer& server() { return server_; }

 private:
  PostgresServer server_;
  int count_ = 0;
};

/// "sqlite" or "postgresql"; the server is started once per test program.
StoreBackend& backend_named(const std::string& name);

// ---- records, different for each number ----

ModelRecord sample_model(const std::string& id = "model-a");
InstanceRecord sample_instance(int number);
Location sample_location(int number, const std::string& server = "server-1");
ResultRecord sample_result(int number, const ModelRecord& model);
/// sample_instance, sample_location and sample_result, done without a claim.
Outcome sample_outcome(int number, const ModelRecord& model);
Outcome done(const ClaimedWork& work, int number, const ModelRecord& model);

/// The number in sample_location(number).
int number_of(const Location& location);

}  // namespace chexworld::test
