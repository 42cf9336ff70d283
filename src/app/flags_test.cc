#include "app/flags.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/flag_table.h"

namespace tributary::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FlagOutcome Parse(const std::vector<std::string>& arguments, bool agent = false) {
  return ParseFlags("tributary", arguments, agent);
}

Options MustParse(const std::vector<std::string>& arguments, bool agent = false) {
  const FlagOutcome outcome = Parse(arguments, agent);
  EXPECT_FALSE(outcome.exit_code) << outcome.err;
  return outcome.options;
}

TEST(FlagTableTest, RowsAreUniqueAndTheirDefaultsReadBackAsThemselves) {
  std::set<std::string_view> names;
  for (const FlagRow& row : FlagTable()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.help.empty()) << row.name;
    Options options;
    if (row.default_value.empty()) continue;
    const auto set = SetFlag(row, row.default_value, &options);
    ASSERT_TRUE(set) << row.name << ": " << set.error().message();
    Options again;
    if (!IsList(row)) {
      ASSERT_TRUE(SetFlag(row, FlagText(row, options), &again)) << row.name;
      EXPECT_EQ(FlagText(row, again), FlagText(row, options)) << row.name;
    }
  }
}

// Name and default of every flag of Prometheus 3.14.
TEST(FlagTableTest, PrometheusFlagsAreThereWithTheirDefaults) {
  const std::map<std::string, std::string> want = {
      {"agent", "false"},
      {"alertmanager.drain-notification-queue-on-shutdown", "true"},
      {"alertmanager.notification-batch-size", "256"},
      {"alertmanager.notification-queue-capacity", "10000"},
      {"auto-gomaxprocs", "true"},
      {"auto-gomemlimit", "true"},
      {"auto-gomemlimit.ratio", "0.9"},
      {"auto-gomemlimit.refresh-interval", "0s"},
      {"config.auto-reload", "false"},
      {"config.auto-reload-interval", "30s"},
      {"config.file", "prometheus.yml"},
      {"fleet.config.file", ""},
      {"enable-feature", ""},
      {"log.format", "logfmt"},
      {"log.level", "info"},
      {"memory.limit", "0B"},
      {"query.lookback-delta", "5m"},
      {"query.max-concurrency", "20"},
      {"query.max-samples", "50000000"},
      {"query.timeout", "2m"},
      {"rules.alert.for-grace-period", "10m"},
      {"rules.alert.for-outage-tolerance", "1h"},
      {"rules.alert.resend-delay", "1m"},
      {"rules.max-concurrent-evals", "4"},
      {"scrape.adjust-timestamps", "true"},
      {"scrape.discovery-reload-interval", "5s"},
      {"scrape.timestamp-tolerance", "2ms"},
      {"storage.agent.checkpoint-batch-size", "1000"},
      {"storage.agent.checkpoint-from-in-memory-series", "false"},
      {"storage.agent.drop", "oldest"},
      {"storage.agent.max-bytes", "0B"},
      {"storage.agent.no-lockfile", "false"},
      {"storage.agent.path", "data-agent/"},
      {"storage.agent.retention.max-time", "4h"},
      {"storage.agent.retention.min-time", "5m"},
      {"storage.agent.wal-compression", "true"},
      {"storage.agent.wal-compression-type", "snappy"},
      {"storage.agent.wal-segment-size", "0B"},
      {"storage.agent.wal-truncate-frequency", "0s"},
      {"storage.remote.flush-deadline", "1m"},
      {"storage.remote.read-concurrent-limit", "10"},
      {"storage.remote.read-max-bytes-in-frame", "1048576"},
      {"storage.remote.read-sample-limit", "50000000"},
      {"storage.tsdb.allow-overlapping-compaction", "true"},
      {"storage.tsdb.block-reload-interval", "1m"},
      {"storage.tsdb.delay-compact-file.path", ""},
      {"storage.tsdb.delayed-compaction.max-percent", "10"},
      {"storage.tsdb.head-chunks-write-queue-size", "0"},
      {"storage.tsdb.max-block-chunk-segment-size", "0B"},
      {"storage.tsdb.max-block-duration", "0s"},
      {"storage.tsdb.min-block-duration", "2h"},
      {"storage.tsdb.no-lockfile", "false"},
      {"storage.tsdb.path", "data/"},
      {"storage.tsdb.retention.size", "0B"},
      {"storage.tsdb.retention.time", "0s"},
      {"storage.tsdb.samples-per-chunk", "120"},
      {"storage.tsdb.wal-compression", "true"},
      {"storage.tsdb.wal-compression-type", "snappy"},
      {"storage.tsdb.wal-segment-size", "0B"},
      {"web.config.file", ""},
      {"web.console.libraries", "console_libraries"},
      {"web.console.templates", "consoles"},
      {"web.cors.origin", ".*"},
      {"web.enable-admin-api", "false"},
      {"web.enable-lifecycle", "false"},
      {"web.enable-otlp-receiver", "false"},
      {"web.enable-remote-write-receiver", "false"},
      {"web.external-url", ""},
      {"web.listen-address", "0.0.0.0:9090"},
      {"web.max-connections", "512"},
      {"web.max-notifications-subscribers", "16"},
      {"web.page-title", "Prometheus Time Series Collection and Processing Server"},
      {"web.read-timeout", "5m"},
      {"web.remote-write-receiver.accepted-protobuf-messages",
       "prometheus.WriteRequest, io.prometheus.write.v2.Request"},
      {"web.route-prefix", ""},
      {"web.search.max-limit", "10000"},
      {"web.user-assets", ""},
      // Ours.
      {"query.max-bytes", "0B"},
      {"query.max-series", "0"},
      {"storage.tsdb.wal-fsync", "interval"},
  };
  std::map<std::string, std::string> got;
  for (const auto& [name, value] : FlagValues(MustParse({}))) got[name] = value;
  EXPECT_EQ(got, want);
}

TEST(FlagsTest, Forms) {
  EXPECT_EQ(MustParse({"--config.file=a.yml"}).config_file, "a.yml");
  EXPECT_EQ(MustParse({"--config.file", "a.yml"}).config_file, "a.yml");
  EXPECT_EQ(MustParse({"--config.file="}).config_file, "");
  EXPECT_EQ(MustParse({"--web.external-url=http://a/?b=c"}).external_url, "http://a/?b=c");
  EXPECT_TRUE(MustParse({"--web.enable-lifecycle"}).enable_lifecycle);
  EXPECT_FALSE(MustParse({"--no-web.enable-lifecycle"}).enable_lifecycle);
  EXPECT_FALSE(MustParse({"--no-storage.tsdb.wal-compression"}).tsdb_wal_compression);
  EXPECT_FALSE(
      MustParse({"--no-storage.tsdb.allow-overlapping-compaction"}).allow_overlapping_compaction);
  EXPECT_FALSE(MustParse({"--storage.tsdb.wal-compression=false"}).tsdb_wal_compression);
  EXPECT_EQ(MustParse({"--query.timeout=1m30s"}).query_timeout_ms, 90'000);
  EXPECT_EQ(MustParse({"--storage.tsdb.retention.size=512MB"}).retention_size_bytes, 512u << 20);
  EXPECT_EQ(MustParse({"--query.max-samples=1e6"}).query_max_samples, 1'000'000);
  EXPECT_TRUE(MustParse({"--agent"}).agent);
  EXPECT_TRUE(MustParse({"--enable-feature=agent"}).agent);
  EXPECT_TRUE(MustParse({}, /*agent=*/true).agent);
}

TEST(FlagsTest, ListsReplaceTheirDefaultAndGrow) {
  EXPECT_THAT(MustParse({}).listen_addresses, ElementsAre("0.0.0.0:9090"));
  EXPECT_THAT(MustParse({"--web.listen-address=:1", "--web.listen-address", ":2"}).listen_addresses,
              ElementsAre(":1", ":2"));
  constexpr const char* kMessages = "--web.remote-write-receiver.accepted-protobuf-messages";
  EXPECT_THAT(MustParse({std::string(kMessages) + "=io.prometheus.write.v2.Request"})
                  .write_receiver_messages,
              ElementsAre("io.prometheus.write.v2.Request"));
  EXPECT_THAT(MustParse({std::string(kMessages) +
                         "=io.prometheus.write.v2.Request,prometheus.WriteRequest"})
                  .write_receiver_messages,
              ElementsAre("io.prometheus.write.v2.Request", "prometheus.WriteRequest"));
  EXPECT_EQ(Parse({std::string(kMessages) + "=other"}).exit_code, kExitUsage);
}

TEST(FlagsTest, MistakesEndWithTwo) {
  const auto f = [](const std::vector<std::string>& arguments, std::string_view part) {
    const FlagOutcome outcome = Parse(arguments);
    EXPECT_EQ(outcome.exit_code, kExitUsage) << arguments.front();
    EXPECT_THAT(outcome.err, HasSubstr(std::string(part)));
    EXPECT_THAT(outcome.out, IsEmpty());
  };
  f({"--x"}, "Error parsing command line arguments: unknown long flag '--x', try --help");
  f({"--no-config.file"}, "unknown long flag '--no-config.file'");
  f({"--retention.time=1d"}, "did you mean --storage.tsdb.retention.time?");
  f({"-x"}, "unknown short flag '-x'");
  f({"stray"}, "unexpected stray");
  f({"--config.file"}, "expected argument for flag '--config.file'");
  f({"--config.file", "--agent"}, "expected argument for flag '--config.file'");
  f({"--config.file=a", "--config.file=b"}, "flag 'config.file' cannot be repeated");
  f({"--agent", "--no-agent"}, "flag 'agent' cannot be repeated");
  f({"--agent=perhaps"}, "expected true or false");
  f({"--query.timeout=soon"}, "flag '--query.timeout': expected a duration");
  f({"--web.max-connections=many"}, "expected a whole number");
  f({"--storage.tsdb.retention.size=5"}, "expected a size with its unit");
  f({"--log.level=loud"}, "expected one of debug,info,warn,error");
  f({"--storage.tsdb.wal-compression-type=lz4"}, "expected one of snappy,zstd");
  f({"--storage.tsdb.wal-fsync=never"}, "expected one of interval,ack");
}

TEST(FlagsTest, FlagsOfTheOtherModeEndWithThree) {
  const FlagOutcome server_only = Parse({"--agent", "--storage.tsdb.path=x", "--query.timeout=1m"});
  EXPECT_EQ(server_only.exit_code, kExitWrongMode);
  EXPECT_EQ(server_only.err,
            "The following flag(s) can not be used in agent mode: [\"--storage.tsdb.path\" "
            "\"--query.timeout\"]\n");
  const FlagOutcome agent_only = Parse({"--storage.agent.path=x"});
  EXPECT_EQ(agent_only.exit_code, kExitWrongMode);
  EXPECT_THAT(agent_only.err, HasSubstr("can only be used in agent mode: "
                                        "[\"--storage.agent.path\"]"));
  EXPECT_EQ(Parse({"--storage.tsdb.path=x"}, /*agent=*/true).exit_code, kExitWrongMode);
}

TEST(FlagsTest, ImpossibleValuesEndWithOne) {
  const auto f = [](const std::vector<std::string>& arguments) {
    const FlagOutcome outcome = Parse(arguments);
    EXPECT_EQ(outcome.exit_code, kExitFailure) << arguments.back();
    EXPECT_FALSE(outcome.err.empty());
  };
  f({"--web.search.max-limit=-1"});
  f({"--auto-gomemlimit.ratio=0"});
  f({"--auto-gomemlimit.ratio=1.1"});
  f({"--agent", "--storage.agent.checkpoint-batch-size=0"});
  f({"--storage.tsdb.wal-segment-size=9MB"});
  f({"--storage.tsdb.wal-segment-size=257MB"});
  f({"--web.max-connections=0"});
  EXPECT_EQ(MustParse({"--config.auto-reload-interval=1ms"}).auto_reload_interval_ms, 1000);
}

TEST(FlagsTest, HelpAndVersion) {
  for (const char* form : {"-h", "--help"}) {
    const FlagOutcome help = Parse({form});
    EXPECT_EQ(help.exit_code, kExitOk);
    for (const FlagRow& row : FlagTable()) {
      EXPECT_EQ(
          help.out.find(std::string(row.name) + (IsBool(row) ? " " : "=")) != std::string::npos,
          !row.hidden)
          << row.name;
    }
  }
  const FlagOutcome version = ParseFlags("prometheus", {"--version"}, false);
  EXPECT_EQ(version.exit_code, kExitOk);
  EXPECT_THAT(version.out, testing::StartsWith("prometheus, version "));
}

TEST(FlagsTest, WhatIsNotServedYetIsSaidWhenItIsSet) {
  EXPECT_THAT(Parse({"--web.enable-otlp-receiver", "--rules.alert.resend-delay=5m"}).warnings,
              ElementsAre("--web.enable-otlp-receiver", "--rules.alert.resend-delay"));
  EXPECT_THAT(Parse({"--no-web.enable-otlp-receiver", "--rules.alert.resend-delay=1m"}).warnings,
              IsEmpty());
}

}  // namespace
}  // namespace tributary::app
