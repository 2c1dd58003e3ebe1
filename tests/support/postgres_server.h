// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/process.h"
#include "support/temporary_folder.h"

#include <memory>
#include <string>

namespace chexworld::test {

/// A real PostgreSQL 17 on a free loopback port with an empty database "chexworld". As root it runs as user postgres,
/// because PostgreSQL refuses to run as root.
class PostgresServer {
 public:
  /// Throws std::runtime_error with PostgreSQL's own words when it does not start.
  PostgresServer();
  ~PostgresServer();

  /// For libpq: "host=127.0.0.1 port=... dbname=chexworld user=postgres".
  std::string connection() const;
  /// Runs SQL through psql; unaligned tuples only. Throws std::runtime_error with psql's message.
  std::string query(const std::string& sql) const;

  void stop();   ///< like an outage: connections break
  void start();  ///< after stop()

 private:
  std::vector<std::string> as_server_user(std::vector<std::string> command) const;

  TemporaryFolder folder_;
  int port_;
  std::unique_ptr<BackgroundProcess> process_;
};

}  // namespace chexworld::test
