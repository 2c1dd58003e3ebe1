// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/failure.h"
#include "store/sql.h"

#include <chrono>
#include <libpq-fe.h>
#include <memory>
#include <unordered_map>

namespace chexworld {

/// A failure of PostgreSQL and what may be done about it.
class PostgresFailure : public Failure {
 public:
  enum class Cure { kNone, kReconnect, kRepeat };
  PostgresFailure(ErrorCode code, std::string message, Cure cure) : Failure(code, std::move(message)), cure_(cure) {}
  Cure cure() const { return cure_; }

 private:
  Cure cure_;
};

/// One connection; parameters and answers travel in binary form. Not thread safe.
class PostgresSession final : public SqlSession {
 public:
  /// Throws PostgresFailure(kUnavailable, kReconnect) with the server's reason.
  PostgresSession(const std::string& connection, std::chrono::milliseconds statement_timeout);
  PostgresSession(const PostgresSession&) = delete;
  PostgresSession& operator=(const PostgresSession&) = delete;

  using SqlSession::run;
  SqlRows run(const std::string& sql, std::span<const SqlValue> parameters) override;
  std::int64_t affected() const override { return affected_; }
  void script(const std::string& sql) override;
  /// Undoes the open transaction; false when the connection is of no more use.
  bool rollback() noexcept;
  std::string location() const;

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Answer = std::unique_ptr<PGresult, Clear>;

  const std::string& prepare(const std::string& sql);
  void require_success(const Answer& answer);

  std::unique_ptr<PGconn, Finish> connection_;
  std::unordered_map<std::string, std::string> prepared_;  // statement -> its name on the server
  std::int64_t affected_ = 0;
};

}  // namespace chexworld
