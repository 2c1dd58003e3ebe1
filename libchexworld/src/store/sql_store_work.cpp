// SPDX-License-Identifier: Apache-2.0
//
// The queue: claiming, leases, troubles.
#include "base/failure.h"
#include "store/rows.h"
#include "store/sql_store.h"
#include "store/validate.h"

#include <algorithm>

namespace chexworld {
namespace {

/// Items whose worker vanished too often would take the next worker down too.
void park_deadly_items(SqlSession& session, std::int64_t model, std::int64_t now_ms, std::uint32_t max_attempts) {
  session.run(
      "UPDATE work SET state = 1, lease_until_ms = 0, reason_code = 'worker-died', reason = 'every worker that tried "
      "this object ended or hung before it answered', failed_ms = $2 WHERE model = $1 AND state = 0 AND lease_until_ms "
      "> 0 AND lease_until_ms <= $2 AND attempts >= $3",
      {model, now_ms, std::int64_t(max_attempts)});
}

const std::string kClaim =
    "WITH due AS MATERIALIZED (SELECT item FROM work WHERE model = $1 AND state = 0 AND not_before_ms <= $2 AND "
    "lease_until_ms <= $2 AND priority <= $6 AND ($7 = '' OR server = $7) ORDER BY priority, item LIMIT $3 "
    "{skip_locked}) "
    "UPDATE work SET claim = claim + 1, attempts = attempts + 1, claimed_by = $4, lease_until_ms = $5 WHERE item IN "
    "(SELECT item FROM due) RETURNING item, claim, server, orthanc_instance, orthanc_series, orthanc_study, priority, "
    "attempts";

ClaimedWork claimed_from(const SqlRow& row) {
  ClaimedWork work;
  work.lease = {row.integer(0), row.integer(1)};
  work.location = {row.text(2), row.text(3), row.text(4), row.text(5)};
  work.priority = Priority(row.integer(6));
  work.attempts = std::uint32_t(row.integer(7));
  return work;
}

Trouble trouble_from(const SqlRow& row) {
  Trouble trouble;
  trouble.work = row.integer(0);
  trouble.location = {row.text(1), row.text(2), row.text(3), row.text(4)};
  trouble.model_id = row.text(5);
  trouble.state = WorkState(row.integer(6));
  trouble.attempts = std::uint32_t(row.integer(7));
  trouble.reason_code = row.text(8);
  trouble.reason = row.text(9);
  trouble.next_try = from_ms(row.integer(10));
  trouble.failed_at = from_ms(row.integer(11));
  return trouble;
}

}  // namespace

std::uint64_t SqlStore::cursor(const std::string& server) {
  check_text(server, "server");
  const SqlRows found = read("SELECT sequence FROM cursors WHERE server = $1", {server});
  return found.empty() ? 0 : std::uint64_t(found[0].integer(0));
}

std::uint64_t SqlStore::enqueue_missing(const std::string& model_id) {
  check_name(model_id, "model_id");
  std::uint64_t queued = 0;
  database_->write([&](SqlSession& session) {
    const std::int64_t model = require_model(session, model_id).number;
    // Of several copies of an instance, the first by server and id stands for all.
    session.run(kQueueSecondLook +
                    "AND NOT EXISTS (SELECT 1 FROM locations o WHERE o.instance = l.instance AND (o.server < "
                    "l.server OR (o.server = l.server AND o.orthanc_instance < l.orthanc_instance))) "
                    "ON CONFLICT (server, orthanc_instance, model) DO NOTHING",
                {model});
    queued = std::uint64_t(session.affected());
  });
  return queued;
}

std::uint64_t SqlStore::missing(const std::string& model_id) {
  check_name(model_id, "model_id");
  std::uint64_t count = 0;
  database_->read([&](SqlSession& session) {
    const std::int64_t model = require_model(session, model_id).number;
    count = std::uint64_t(
        session
            .run("SELECT count(*) FROM instances i WHERE NOT EXISTS (SELECT 1 FROM results r WHERE r.instance = "
                 "i.instance AND r.model = $1) AND NOT EXISTS (SELECT 1 FROM locations l JOIN work w ON w.server = "
                 "l.server AND w.orthanc_instance = l.orthanc_instance WHERE l.instance = i.instance AND w.model = $1 "
                 "AND w.state <> 0)",
                 {model})[0]
            .integer(0));
  });
  return count;
}

std::vector<ClaimedWork> SqlStore::claim(const ClaimRequest& request) {
  check(request);
  std::vector<ClaimedWork> claimed;
  database_->write([&](SqlSession& session) {
    claimed.clear();
    const std::int64_t model = require_model(session, request.model_id).number;
    const std::int64_t now = now_ms();
    park_deadly_items(session, model, now, request.max_attempts);
    for (const SqlRow& row : session.run(database_->dialect().expand(kClaim),
                                         {model, now, std::int64_t(request.most), request.owner,
                                          now + request.lease.count(), std::int64_t(request.least), request.server}))
      claimed.push_back(claimed_from(row));
  });
  std::sort(claimed.begin(), claimed.end(), [](const ClaimedWork& a, const ClaimedWork& b) {
    return std::pair(a.priority, a.lease.work) < std::pair(b.priority, b.lease.work);
  });
  return claimed;
}

bool SqlStore::extend_lease(const Lease& lease, std::chrono::milliseconds duration) {
  bool held = false;
  database_->write([&](SqlSession& session) {
    held = !session
                .run(
                    "UPDATE work SET lease_until_ms = $3 WHERE item = $1 AND claim = $2 AND lease_until_ms > 0 "
                    "RETURNING item",
                    {lease.work, lease.claim, now_ms() + duration.count()})
                .empty();
  });
  return held;
}

std::vector<Trouble> SqlStore::troubles(std::optional<WorkState> state, std::uint32_t most) {
  const std::string columns =
      "SELECT w.item, w.server, w.orthanc_instance, w.orthanc_series, w.orthanc_study, m.model_id, w.state, "
      "w.attempts, w.reason_code, w.reason, w.not_before_ms, w.failed_ms FROM work w JOIN models m ON m.model = "
      "w.model WHERE w.failed_ms > 0 ";
  const std::string order = "ORDER BY w.failed_ms DESC, w.item DESC LIMIT $1";
  std::vector<Trouble> found;
  const SqlRows answer = state ? read(columns + "AND w.state = $2 " + order, {std::int64_t(most), std::int64_t(*state)})
                               : read(columns + order, {std::int64_t(most)});
  for (const SqlRow& row : answer) found.push_back(trouble_from(row));
  return found;
}

bool SqlStore::retry(std::int64_t work) {
  bool found = false;
  database_->write([&](SqlSession& session) {
    found = !session
                 .run(
                     "UPDATE work SET state = 0, attempts = 0, claim = claim + 1, lease_until_ms = 0, not_before_ms = "
                     "0 WHERE item = $1 RETURNING item",
                     {work})
                 .empty();
  });
  return found;
}

}  // namespace chexworld
