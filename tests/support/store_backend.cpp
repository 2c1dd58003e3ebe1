// SPDX-License-Identifier: Apache-2.0
#include "support/store_backend.h"

#include <stdexcept>

namespace chexworld::test {

std::string SqliteBackend::fresh_location() { return folder_ / ("store-" + std::to_string(++count_) + ".sqlite"); }

std::string PostgresBackend::fresh_location() {
  const std::string name = "store_" + std::to_string(++count_);
  server_.query("CREATE DATABASE " + name);
  std::string connection = server_.connection();
  const std::string before = "dbname=chexworld";
  return connection.replace(connection.find(before), before.size(), "dbname=" + name);
}

StoreBackend& backend_named(const std::string& name) {
  if (name == "sqlite") {
    static SqliteBackend sqlite;
    return sqlite;
  }
  if (name != "postgresql") throw std::runtime_error("no backend " + name);
  static PostgresBackend postgres;
  return postgres;
}

}  // namespace chexworld::test
