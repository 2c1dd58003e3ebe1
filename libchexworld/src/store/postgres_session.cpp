// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_session.h"

#include "base/log.h"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace chexworld {
namespace {

// pg_type.oid, fixed since PostgreSQL's beginnings.
constexpr Oid kInt8 = 20;
constexpr Oid kInt4 = 23;
constexpr Oid kText = 25;
constexpr Oid kName = 19;
constexpr Oid kFloat8 = 701;
constexpr Oid kVoid = 2278;

std::string big_endian(std::uint64_t bits, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text.push_back(char(bits >> shift & 0xff));
  return text;
}

std::uint64_t from_big_endian(const char* bytes, int size) {
  std::uint64_t bits = 0;
  for (int i = 0; i < size; ++i) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  return bits;
}

/// A value's binary form.
struct Encoder {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(std::int64_t value) const { return big_endian(std::uint64_t(value), 8); }
  std::string operator()(double value) const { return big_endian(std::bit_cast<std::uint64_t>(value), 8); }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const Bytes& value) const {
    return {reinterpret_cast<const char*>(value.data()), value.size()};
  }
};

SqlValue value_of(const PGresult* answer, int row, int column) {
  if (PQgetisnull(answer, row, column) != 0) return std::monostate{};
  const char* bytes = PQgetvalue(answer, row, column);
  const int size = PQgetlength(answer, row, column);
  switch (PQftype(answer, column)) {
    case kInt8: return std::int64_t(from_big_endian(bytes, 8));
    case kInt4: return std::int64_t(std::int32_t(from_big_endian(bytes, 4)));
    case kFloat8: return std::bit_cast<double>(from_big_endian(bytes, 8));
    case kText:
    case kName: return std::string(bytes, std::size_t(size));
    case kVoid: return std::monostate{};
    default: {  // bytea, halfvec
      const auto* first = reinterpret_cast<const std::byte*>(bytes);
      return Bytes(first, first + size);
    }
  }
}

std::string one_line(const char* message) {
  std::string text(message == nullptr ? "" : message);
  text = text.substr(0, text.find('\n'));
  return text.starts_with("ERROR:  ") ? text.substr(8) : text;
}

ErrorCode code_of(const std::string& state) {
  if (state == "53100" || state == "53200" || state == "53400") return ErrorCode::kResourceExhausted;
  if (state == "57014" || state == "55P03") return ErrorCode::kTimeout;
  if (state == "42501" || state.starts_with("28")) return ErrorCode::kUnauthorized;
  if (state == "58P01" || state == "0A000") return ErrorCode::kUnsupported;
  if (state.starts_with("53") || state.starts_with("57") || state.starts_with("08") || state.starts_with("40"))
    return ErrorCode::kUnavailable;
  if (state.starts_with("58")) return ErrorCode::kInputOutput;
  if (state == "XX001" || state == "XX002") return ErrorCode::kMalformed;
  return ErrorCode::kInternal;
}

std::string_view remedy_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kResourceExhausted: return " (free space on the database's disk, then try again)";
    case ErrorCode::kUnauthorized: return " (the database user needs rights in this database)";
    default: return "";
  }
}

/// Serialisation conflicts and deadlocks go away when the transaction is repeated; so do foreign and unique keys that
/// broke because another transaction ended between two of our statements.
PostgresFailure::Cure cure_of(const std::string& state, bool connection_lost) {
  using Cure = PostgresFailure::Cure;
  if (connection_lost || state.starts_with("08") || state == "57P01" || state == "57P02" || state == "57P03" ||
      state == "53300" || state == "25P03")
    return Cure::kReconnect;
  if (state == "40001" || state == "40P01" || state == "23503" || state == "23505") return Cure::kRepeat;
  return Cure::kNone;
}

void forward_notice(void*, const char* message) { log_debug("postgresql: " + one_line(message)); }

}  // namespace

PostgresSession::PostgresSession(const std::string& connection, std::chrono::milliseconds statement_timeout) {
  const std::string timeout = std::to_string(statement_timeout.count());
  const std::string options = "-c statement_timeout=" + timeout + " -c lock_timeout=" + timeout +
                              " -c idle_in_transaction_session_timeout=" + timeout +
                              " -c search_path=chexworld,public -c client_min_messages=warning";
  const std::array<const char*, 8> keys{
      "connect_timeout", "tcp_user_timeout",          "keepalives_idle", "client_encoding",
      "dbname",          "fallback_application_name", "options",         nullptr};
  const std::array<const char*, 8> values{"10",        "30000",         "30",   "UTF8", connection.c_str(),
                                          "chexworld", options.c_str(), nullptr};
  connection_.reset(PQconnectdbParams(keys.data(), values.data(), 1));
  if (!connection_) fail(ErrorCode::kResourceExhausted, "connecting to PostgreSQL: out of memory");
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    throw PostgresFailure(ErrorCode::kUnavailable,
                          "PostgreSQL cannot be reached: " + one_line(PQerrorMessage(connection_.get())),
                          PostgresFailure::Cure::kReconnect);
  PQsetNoticeProcessor(connection_.get(), forward_notice, nullptr);
}

void PostgresSession::require_success(const Answer& answer) {
  const ExecStatusType status = PQresultStatus(answer.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) return;
  const char* field = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
  const std::string state = field == nullptr ? "" : field;
  const bool lost = PQstatus(connection_.get()) != CONNECTION_OK;
  const char* primary = PQresultErrorField(answer.get(), PG_DIAG_MESSAGE_PRIMARY);  // without the row's content
  const ErrorCode code = lost ? ErrorCode::kUnavailable : code_of(state);
  throw PostgresFailure(code,
                        "PostgreSQL: " + one_line(primary != nullptr ? primary : PQerrorMessage(connection_.get())) +
                            std::string(remedy_of(code)),
                        cure_of(state, lost));
}

const std::string& PostgresSession::prepare(const std::string& sql) {
  const auto found = prepared_.find(sql);
  if (found != prepared_.end()) return found->second;
  const std::string name = "s" + std::to_string(prepared_.size());
  require_success(Answer(PQprepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr)));
  return prepared_.emplace(sql, name).first->second;
}

SqlRows PostgresSession::run(const std::string& sql, std::span<const SqlValue> parameters) {
  const std::string& name = prepare(sql);
  std::vector<std::string> encoded;
  for (const SqlValue& parameter : parameters) encoded.push_back(std::visit(Encoder{}, parameter));
  std::vector<const char*> values;
  std::vector<int> lengths;
  const std::vector<int> binary(parameters.size(), 1);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    values.push_back(std::holds_alternative<std::monostate>(parameters[i]) ? nullptr : encoded[i].data());
    lengths.push_back(int(encoded[i].size()));
  }
  const Answer answer(PQexecPrepared(connection_.get(), name.c_str(), int(parameters.size()), values.data(),
                                     lengths.data(), binary.data(), 1));
  require_success(answer);
  const std::string_view changed = PQcmdTuples(answer.get());
  affected_ = 0;
  std::from_chars(changed.data(), changed.data() + changed.size(), affected_);
  SqlRows rows;
  for (int row = 0; row < PQntuples(answer.get()); ++row) {
    std::vector<SqlValue> columns;
    for (int column = 0; column < PQnfields(answer.get()); ++column)
      columns.push_back(value_of(answer.get(), row, column));
    rows.emplace_back(std::move(columns));
  }
  return rows;
}

void PostgresSession::script(const std::string& sql) {
  require_success(Answer(PQexec(connection_.get(), sql.c_str())));
}

bool PostgresSession::rollback() noexcept {
  if (PQstatus(connection_.get()) != CONNECTION_OK) return false;
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) Answer(PQexec(connection_.get(), "ROLLBACK"));
  return PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
}

std::string PostgresSession::location() const {
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  return "postgresql://" + text(PQhost(connection_.get())) + ":" + text(PQport(connection_.get())) + "/" +
         text(PQdb(connection_.get()));
}

}  // namespace chexworld
