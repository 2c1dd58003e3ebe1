// SPDX-License-Identifier: Apache-2.0
#include "support/postgres_server.h"

#include <csignal>
#include <stdexcept>
#include <unistd.h>

namespace chexworld::test {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

const std::string kPrograms = "/usr/lib/postgresql/17/bin/";

void require(const Finished& finished, const std::string& what) {
  if (finished.exit_status != 0) throw std::runtime_error(what + " failed: " + finished.output);
}

}  // namespace

PostgresServer::PostgresServer() : port_(free_port()) {
  fs::permissions(folder_.path(), fs::perms::all);
  require(run(as_server_user({kPrograms + "initdb", "--auth=trust", "--username=postgres", "--no-sync",
                              "--encoding=UTF8", "-D", (folder_ / "data").string()})),
          "initdb");
  start();
  require(run({"psql", connection() + " dbname=postgres", "-c", "CREATE DATABASE chexworld"}), "CREATE DATABASE");
}

PostgresServer::~PostgresServer() { stop(); }

void PostgresServer::start() {
  process_ = std::make_unique<BackgroundProcess>(
      as_server_user({kPrograms + "postgres", "-D", (folder_ / "data").string(), "-p", std::to_string(port_), "-k",
                      folder_.path().string(), "-c", "listen_addresses=127.0.0.1"}),
      folder_ / "postgres.log");
  const bool ready = wait_until(
      [&] {
        return !process_->running() ||
               run({kPrograms + "pg_isready", "-q", "-h", "127.0.0.1", "-p", std::to_string(port_)}).exit_status == 0;
      },
      30s);
  if (!ready || !process_->running())
    throw std::runtime_error("PostgreSQL did not start: " + text_of(folder_ / "postgres.log"));
}

void PostgresServer::stop() {
  if (process_) process_->stop(SIGINT);  // "fast shutdown": open connections are cut
}

std::string PostgresServer::connection() const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " user=postgres dbname=chexworld";
}

std::string PostgresServer::query(const std::string& sql) const {
  const Finished finished = run({"psql", connection(), "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql});
  require(finished, "psql");
  return finished.output;
}

std::vector<std::string> PostgresServer::as_server_user(std::vector<std::string> command) const {
  if (geteuid() == 0) {
    const std::vector<std::string> prefix{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"};
    command.insert(command.begin(), prefix.begin(), prefix.end());
  }
  return command;
}

}  // namespace chexworld::test
