// SPDX-License-Identifier: Apache-2.0
//
// Both real backends of the store.
#pragma once

#include "support/postgres_server.h"
#include "support/store_samples.h"
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

}  // namespace chexworld::test
