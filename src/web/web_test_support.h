// A web server without sockets, an engine that answers what the test wants, and the smallest of
// everything else. For tests only.
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "storage/memory_store.h"
#include "web/web.h"

namespace tributary::web {

class FakeRequest final : public net::Request {
 public:
  FakeRequest(std::string method, std::string_view target, std::string body = {})
      : method_(std::move(method)), body_(std::move(body)) {
    const size_t question = std::min(target.find('?'), target.size());
    path_ = net::UrlDecode(target.substr(0, question), false);
    query_ = target.substr(std::min(question + 1, target.size()));
    if (method_ == "POST") headers_.Set("Content-Type", "application/x-www-form-urlencoded");
  }
  FakeRequest& With(std::string_view name, std::string value) {
    headers_.Set(name, std::move(value));
    return *this;
  }
  FakeRequest& As(const std::string& user, const std::string& password) {
    return With("Authorization", "Basic " + base::Base64Encode(user + ":" + password));
  }

  std::string_view method() const override { return method_; }
  std::string_view path() const override { return path_; }
  std::string_view raw_query() const override { return query_; }
  std::string_view header(std::string_view name) const override { return headers_.Get(name); }
  bool has_header(std::string_view name) const override { return headers_.Has(name); }
  std::string& body() override { return body_; }
  const std::string& remote_address() const override { return remote_; }
  bool is_tls() const override { return false; }
  bool cancelled() const override { return false; }

 private:
  std::string method_, path_, query_, body_;
  std::string remote_ = "127.0.0.1:1";
  net::Headers headers_;
};

class FakeResponse final : public net::ResponseWriter {
 public:
  void SetStatus(int s) override { status = s; }
  void SetHeader(std::string_view name, std::string value) override {
    headers.Set(name, std::move(value));
  }
  bool Write(std::string_view data) override {
    body += data;
    return true;
  }
  bool Flush() override { return true; }
  void DisableCompression() override {}

  int status = 200;
  net::Headers headers;
  std::string body;
};

// Answers `answer` and remembers the question.
class FakeEngine final : public promql::Engine {
 public:
  base::Result<promql::QueryResult> Instant(storage::Queryable&, std::string_view text,
                                            model::Timestamp t,
                                            const promql::QueryOptions& options) override {
    return Remember(text, t, t, 0, options);
  }
  base::Result<promql::QueryResult> Range(storage::Queryable&, std::string_view text,
                                          model::Timestamp from, model::Timestamp to,
                                          int64_t step_ms,
                                          const promql::QueryOptions& options) override {
    return Remember(text, from, to, step_ms, options);
  }
  void SetDefaultStep(int64_t) override {}
  const promql::EngineOptions& options() const override { return engine_options_; }

  base::Result<promql::QueryResult> answer = promql::QueryResult{};
  std::string query;
  model::Timestamp start = 0, end = 0;
  int64_t step = 0;
  promql::QueryOptions asked;

 private:
  base::Result<promql::QueryResult> Remember(std::string_view q, model::Timestamp from,
                                             model::Timestamp to, int64_t step_ms,
                                             const promql::QueryOptions& options) {
    query = q;
    start = from;
    end = to;
    step = step_ms;
    asked = options;
    if (!answer) return answer.error();
    promql::QueryResult copy;
    copy.value = answer->value;
    copy.annotations = answer->annotations;
    copy.stats = answer->stats;
    if (options.explain) {
      copy.profile = std::make_unique<promql::QueryProfile>();
      copy.profile->root.name = "select";
    }
    return copy;
  }
  promql::EngineOptions engine_options_;
};

class FakeScrape final : public scrape::Manager {
 public:
  std::vector<std::pair<std::string, model::Metadata>> Families() const override { return {}; }
  base::Status Apply(std::shared_ptr<const config::Config>) override { return {}; }
  void SetTargets(const discovery::TargetSets&) override {}
  scrape::TargetsStatus Targets(bool /*with_dropped*/) const override { return targets; }
  std::vector<std::string> Pools() const override { return {"b", "a"}; }
  std::vector<scrape::FamilyMetadata> Metadata() const override { return metadata; }
  void Stop() override {}

  scrape::TargetsStatus targets;
  std::vector<scrape::FamilyMetadata> metadata;
};

class FakeWrite final : public remote::WriteHandler {
 public:
  std::vector<std::pair<std::string, model::Metadata>> families;
  std::vector<std::pair<std::string, model::Metadata>> Families() const override {
    return families;
  }
  remote::WriteResponse Handle(const remote::WriteRequest& request) override {
    seen_body = request.body;
    seen_user = request.user;
    seen_type = request.content_type;
    return answer;
  }
  void SetOutOfOrderWindow(int64_t /*ms*/) override {}
  remote::WriteResponse answer;
  std::string seen_body, seen_user, seen_type;
};

class FakeDb final : public tsdb::Db {
 public:
  base::Status Replay() override { return {}; }
  tsdb::ReplayProgress progress() const override { return {}; }
  tsdb::HeadStats Stats(size_t limit) const override {
    tsdb::HeadStats stats;
    stats.num_series = limit;
    stats.series_by_metric_name = {{"up", 3}};
    return stats;
  }
  storage::WalSource& wal_source() override { std::abort(); }
  void SetOutOfOrderWindow(int64_t) override {}
  void SetMaxExemplars(uint64_t) override {}
  void SetRetention(int64_t, uint64_t) override {}
  void SetXor2(bool) override {}
  std::vector<tsdb::BlockMeta> Blocks() const override { return blocks; }
  std::vector<tsdb::BlockMeta> blocks;
  base::Result<std::vector<storage::SeriesExemplars>> SelectExemplars(
      model::Timestamp, model::Timestamp,
      std::span<const std::vector<model::Matcher>>) const override {
    return exemplars;
  }
  std::vector<storage::SeriesExemplars> exemplars;
  base::Status Delete(model::Timestamp min_time, model::Timestamp max_time,
                      storage::Matchers matchers) override {
    deleted.push_back({min_time, max_time, {matchers.begin(), matchers.end()}});
    return admin_status;
  }
  base::Status CleanTombstones() override { return admin_status; }
  void SetSelectorRetention(std::vector<tsdb::SelectorRetention>) override {}
  base::Status DeleteInBackground(std::string label, std::string value) override {
    if (!admin_status) return admin_status.error();
    pending.push_back({"id", std::move(label), std::move(value), 5'000});
    return {};
  }
  std::vector<tsdb::PendingDeletion> PendingDeletions() const override { return pending; }
  std::vector<tsdb::PendingDeletion> pending;
  base::Result<std::string> Snapshot(bool with_head) override {
    if (!admin_status) return admin_status.error();
    return std::string(with_head ? "with-head" : "without-head");
  }
  struct Deleted {
    model::Timestamp min_time, max_time;
    std::vector<model::Matcher> matchers;
  };
  std::vector<Deleted> deleted;
  base::Status admin_status;
  base::Status Close() override { return {}; }
  std::unique_ptr<storage::Appender> NewAppender() override { return nullptr; }
  base::Result<std::unique_ptr<storage::Querier>> NewQuerier(model::Timestamp,
                                                             model::Timestamp) override {
    return base::Internal("not in this test");
  }
};

// Ready, with everything in place; change what a test is about before the first Call().
struct WebFixture {
  WebFixture() {
    config = std::make_shared<config::Config>();
    config->yaml = "global: {}\n";
    services.clock = &clock;
    services.metrics = &metrics;
    services.engine = &engine;
    services.queryable = &store;
    services.scrape = &scrape;
    services.write = &write;
    services.db = &db;
    services.config = [this] { return config; };
    state.ready = true;
  }

  Web& web() {
    if (!web_) web_ = Web::Create(options, services, state).value();
    return *web_;
  }
  FakeResponse Serve(FakeRequest request) {
    FakeResponse response;
    if (web().CheckHead(request, response)) web().Handle(request, response);
    return response;
  }
  FakeResponse Get(std::string_view target) { return Serve(FakeRequest("GET", target)); }
  FakeResponse Post(std::string_view target, std::string body) {
    return Serve(FakeRequest("POST", target, std::move(body)));
  }

  base::ManualClock clock{1'000'000'000};
  base::MetricsRegistry metrics;
  FakeEngine engine;
  storage::MemoryStore store;
  FakeScrape scrape;
  FakeWrite write;
  FakeDb db;
  std::shared_ptr<config::Config> config;
  WebOptions options;
  Services services;
  State state;

 private:
  std::unique_ptr<Web> web_;
};

}  // namespace tributary::web
