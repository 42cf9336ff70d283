// Prometheus's own programs as witnesses: a log it wrote, read by us, and a log of ours, read by
// its promtool. Skipped where they are not installed.
#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <signal.h>
#include <spawn.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/strings.h"
#include "base/temp_dir_test_support.h"
#include "base/threads.h"
#include "chunk/xor_chunk.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {
namespace {

constexpr const char* kPrometheus = "/usr/bin/prometheus";
constexpr const char* kPromtool = "/usr/bin/promtool";

// Below the range from which connections take theirs: none takes it before its server does.
int FreePort() {
  std::random_device random;
  for (;;) {
    const auto port = static_cast<uint16_t>(10'000 + random() % 22'000);
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const bool bound = bind(s, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(s);
    if (bound) return port;
  }
}

// The lines of `promtool tsdb dump`, which sees the directory as Prometheus would.
std::set<std::string> PromtoolDump(const std::string& data) {
  std::set<std::string> lines;
  const std::string command = std::string(kPromtool) + " tsdb dump " + data + " 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  char* line = nullptr;
  size_t capacity = 0;
  while (getline(&line, &capacity, pipe) > 0) {
    std::string text(line);
    text.pop_back();
    lines.insert(text);
  }
  free(line);
  EXPECT_EQ(pclose(pipe), 0);
  return lines;
}

// The same from our own store.
std::set<std::string> OurDump(Db& db) {
  std::set<std::string> lines;
  const auto querier = db.NewQuerier(model::kMinTime, model::kMaxTime);
  const auto selection = (*querier)->Select({}, {});
  storage::ChunkBuffer buffer;
  for (size_t i = 0; i < (*selection)->size(); ++i) {
    std::vector<chunk::ChunkView> chunks;
    EXPECT_TRUE((*selection)->Chunks(i, &buffer, &chunks));
    const std::string labels = (*selection)->LabelsOf(i).ToString();
    for (const chunk::ChunkView& c : chunks) {
      std::vector<int64_t> t(chunk::ChunkNumSamples(c.data));
      std::vector<double> v(t.size());
      EXPECT_TRUE(chunk::XorDecode(c.data, t.data(), v.data()));
      for (size_t k = 0; k < t.size(); ++k) {
        lines.insert(labels + " " + base::FormatFloatG(v[k]) + " " + std::to_string(t[k]));
      }
    }
    buffer.Clear();
  }
  return lines;
}

struct Opened {
  base::ThreadPool pool{"test", 2};
  base::MetricsRegistry metrics;
  std::unique_ptr<Db> db;
  explicit Opened(const std::string& path, WalCompression compression = WalCompression::kSnappy) {
    DbOptions options;
    options.path = path;
    options.wal_compression = compression;
    options.compaction_poll_ms = 20;
    options.min_chunk_file_bytes = 1;
    options.min_snapshot_log_bytes = 1;
    auto opened = Db::Open(options, base::PosixFileSystem(), base::SystemClock(), pool, metrics);
    EXPECT_TRUE(opened) << opened.error().message();
    db = std::move(*opened);
    const base::Status replayed = db->Replay();
    EXPECT_TRUE(replayed) << replayed.error().message();
  }
};

TEST(PrometheusFilesTest, ALogThatPrometheusWroteGivesTheSamplesPromtoolSees) {
  if (access(kPrometheus, X_OK) != 0 || access(kPromtool, X_OK) != 0) {
    GTEST_SKIP() << "prometheus is not installed";
  }
  const base::TempDir dir;
  const std::string port = std::to_string(FreePort());
  std::ofstream(dir.path() + "/prometheus.yml")
      << "global: {scrape_interval: 1s}\n"
         "scrape_configs:\n"
         "- {job_name: self, static_configs: [{targets: ['127.0.0.1:"
      << port << "']}]}\n";
  const std::string data = dir.path() + "/data";
  std::vector<std::string> args{kPrometheus, "--config.file=" + dir.path() + "/prometheus.yml",
                                "--storage.tsdb.path=" + data,
                                "--web.listen-address=127.0.0.1:" + port, "--log.level=error"};
  std::vector<char*> argv;
  for (std::string& a : args) argv.push_back(a.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  ASSERT_EQ(posix_spawn(&pid, kPrometheus, nullptr, nullptr, argv.data(), environ), 0);
  std::this_thread::sleep_for(std::chrono::seconds(8));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);

  const std::set<std::string> want = PromtoolDump(data);
  ASSERT_GT(want.size(), 500u);
  for (int restart = 0; restart < 2; ++restart) {
    const Opened opened(data);
    const std::set<std::string> got = OurDump(*opened.db);
    EXPECT_EQ(got.size(), want.size());
    EXPECT_TRUE(got == want);
  }
  // Its series go on here, with full chunks in files.
  std::set<std::string> more;
  {
    const Opened opened(data);
    const model::Labels labels =
        model::Labels::Of({{"__name__", "up"}, {"instance", "127.0.0.1:" + port}, {"job", "self"}});
    std::vector<model::Label> span;
    labels.ToSpan(&span);
    const int64_t now = base::SystemClock().NowMs();
    for (int i = 0; i < 400; ++i) {
      const auto appender = opened.db->NewAppender();
      const storage::RefSample sample{*appender->GetOrCreate(span, labels.Hash()), now + i * 1000,
                                      i * 0.5};
      storage::AppendOutcome outcome;
      appender->Append({&sample, 1}, {&outcome, 1});
      ASSERT_EQ(outcome, storage::AppendOutcome::kAppended);
      ASSERT_TRUE(appender->Commit());
    }
    for (int i = 0; i < 500 && std::filesystem::is_empty(data + "/chunks_head"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ASSERT_FALSE(std::filesystem::is_empty(data + "/chunks_head"));
    more = OurDump(*opened.db);
    EXPECT_EQ(more.size(), want.size() + 400);
  }
  EXPECT_TRUE(PromtoolDump(data) == more);
  const Opened opened(data);
  EXPECT_TRUE(OurDump(*opened.db) == more);
}

TEST(PrometheusFilesTest, PromtoolSeesWhatWeAppended) {
  if (access(kPromtool, X_OK) != 0) GTEST_SKIP() << "promtool is not installed";
  // The packaged promtool may be too old for zstd.
  for (const WalCompression compression : {WalCompression::kNone, WalCompression::kSnappy}) {
    const base::TempDir dir;
    std::set<std::string> want;
    for (int restart = 0; restart < 2; ++restart) {
      const Opened opened(dir.path(), compression);
      EXPECT_EQ(OurDump(*opened.db), want);
      for (int commit = 0; commit < 50; ++commit) {
        const auto appender = opened.db->NewAppender();
        std::vector<storage::RefSample> samples;
        for (int i = 0; i < 40; ++i) {
          const model::Labels labels = model::Labels::Of(
              {{"__name__", "metric"}, {"i", std::to_string(i + commit / 10)}, {"q", "\"x\\"}});
          std::vector<model::Label> span;
          labels.ToSpan(&span);
          const int64_t t = 1'700'000'000'000 + restart * 10'000'000 + commit * 1000;
          const double v = commit % 7 == 0 ? 1e300 * i : commit + i / 3.0;
          samples.push_back({*appender->GetOrCreate(span, labels.Hash()), t, v});
          want.insert(labels.ToString() + " " + base::FormatFloatG(v) + " " + std::to_string(t));
        }
        std::vector<storage::AppendOutcome> outcomes(samples.size());
        appender->Append(samples, outcomes);
        ASSERT_TRUE(appender->Commit());
      }
    }
    const std::set<std::string> seen = PromtoolDump(dir.path());
    EXPECT_EQ(seen.size(), want.size());
    EXPECT_TRUE(seen == want);
  }
}

}  // namespace
}  // namespace tributary::tsdb
