// SPDX-License-Identifier: Apache-2.0
#include "support/postgres_server.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

TEST(PostgresServer, IsSeventeenWithVectors) {
  const PostgresServer server;
  EXPECT_THAT(server.query("SHOW server_version"), testing::StartsWith("17."));
  server.query("CREATE EXTENSION vector");
  EXPECT_EQ(server.query("SELECT '[3,0]'::vector <-> '[0,4]'::vector"), "5\n");
  EXPECT_THROW(server.query("SELECT nonsense"), std::runtime_error);
}

TEST(PostgresServer, KeepsItsDataOverAnOutage) {
  PostgresServer server;
  server.query("CREATE TABLE t (x int); INSERT INTO t VALUES (7)");
  server.stop();
  EXPECT_THROW(server.query("SELECT 1"), std::runtime_error);
  server.start();
  EXPECT_EQ(server.query("SELECT x FROM t"), "7\n");
}

}  // namespace
}  // namespace chexworld::test
