// A child writes to a store that compacts, checkpoints and drops blocks all the time, and is killed
// at a random moment, again and again. After each kill the directory must open, every acknowledged
// sample must be there with its value, and nothing may be left over that is not the store's.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <random>
#include <set>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "load.h"
#include "tsdb/block/block_test_support.h"

namespace tributary::tests {
namespace {

constexpr int kDefaultKills = 300;
constexpr int kKillsPerDirectory = 20;  // then the data is enough to read slowly
constexpr int kRefused = 3;             // exit code of a child whose store did not take a sample

struct Scenario {
  const char* name;
  tsdb::DbOptions options;
  Order order = Order::kKept;
};

std::vector<Scenario> Scenarios(const std::string& path) {
  tsdb::DbOptions keep{.path = path,
                       .wal_segment_bytes = 32 << 10,
                       .min_block_duration_ms = 60 * kTickMs,
                       .compaction_poll_ms = 5,
                       .samples_per_chunk = 15,
                       .min_chunk_file_bytes = 1,
                       .min_snapshot_log_bytes = 1};
  tsdb::DbOptions drop = keep;
  drop.retention_time_ms = 240 * kTickMs;
  drop.max_block_duration_ms = 60 * kTickMs;
  tsdb::DbOptions sync = keep;
  sync.wal_fsync_on_ack = true;
  sync.wal_compression = tsdb::WalCompression::kZstd;
  tsdb::DbOptions late = keep;
  late.out_of_order_window_ms = 2 * kLateTicks * kTickMs;
  return {{"keep", keep}, {"drop", drop}, {"sync", sync}, {"late", late, Order::kMixed}};
}

// What lives as long as a Db.
struct Surroundings {
  base::ThreadPool pool{"crash", 2};
  base::MetricsRegistry metrics;
};

base::Result<std::unique_ptr<tsdb::Db>> Open(const tsdb::DbOptions& options, Surroundings& around) {
  return tsdb::Db::Open(options, base::PosixFileSystem(), base::SystemClock(), around.pool,
                        around.metrics);
}

base::Result<std::unique_ptr<tsdb::Db>> OpenAndLoad(const tsdb::DbOptions& options,
                                                    Surroundings& around) {
  auto db = Open(options, around);
  if (db) RETURN_IF_ERROR((*db)->Replay());
  return db;
}

// Whether the load begins while the store is still loading what was there before.
enum class Begin : unsigned char { kLoaded, kLoading };

[[noreturn]] void Child(const Scenario& scenario, Begin begin, Acknowledged& acknowledged) {
  Surroundings around;
  const auto db = begin == Begin::kLoading ? Open(scenario.options, around)
                                           : OpenAndLoad(scenario.options, around);
  if (!db) {
    std::fprintf(stderr, "%s\n", db.error().message().c_str());
    _exit(kRefused);
  }
  const std::jthread loading([&] {
    if (begin == Begin::kLoaded) return;
    if (const base::Status loaded = (*db)->Replay(); !loaded) {
      std::fprintf(stderr, "%s\n", loaded.error().message().c_str());
      _exit(kRefused);
    }
  });
  RunLoad(**db, scenario.order, acknowledged);
  _exit(kRefused);
}

// True when the child was killed by us and by nothing else.
bool RunAndKill(const Scenario& scenario, Begin begin, Acknowledged& acknowledged, int after_us) {
  const pid_t child = fork();
  if (child == 0) Child(scenario, begin, acknowledged);
  usleep(static_cast<useconds_t>(after_us));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

void ExpectAcknowledged(tsdb::Db& db, Order order, const Acknowledged& acknowledged,
                        int64_t from_tick) {
  const tsdb::PlainData data = tsdb::ReadPlain(db);
  int missing = 0;
  for (int writer = 0; writer < kWriters; ++writer) {
    for (int64_t tick = from_tick; tick < acknowledged.ticks[writer].load(); ++tick) {
      ForEachSample(writer, tick, order, [&](const Expected& expected) {
        const auto series = data.find(expected.labels);
        const bool there = series != data.end() && series->second.contains(expected.t) &&
                           series->second.at(expected.t) == expected.v;
        if (!there && ++missing < 5) {
          ADD_FAILURE() << expected.labels.ToString() << " lost its sample at " << expected.t;
        }
      });
    }
  }
  EXPECT_EQ(missing, 0) << "samples that were acknowledged";
}

void ExpectOnlyOwnFiles(const std::string& path) {
  static const std::set<std::string> kOwn = {"wal", "wbl", "chunks_head", "head_snapshots", "lock"};
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().filename();
    const bool block = name.size() == 26 && std::filesystem::exists(entry.path() / "meta.json");
    EXPECT_TRUE(block || kOwn.contains(name)) << name << " is left over";
  }
  for (const char* dir : {"/chunks_head", "/head_snapshots"}) {
    if (!std::filesystem::exists(path + dir)) continue;  // nothing was logged yet
    for (const auto& entry : std::filesystem::directory_iterator(path + dir)) {
      EXPECT_EQ(entry.path().extension(), "") << entry.path() << " is left over";
    }
  }
}

int Kills() {
  const char* kills = std::getenv("TRIBUTARY_CRASH_KILLS");
  return kills != nullptr ? std::atoi(kills) : kDefaultKills;
}

TEST(CrashTest, AcknowledgedSamplesSurviveEveryKill) {
  base::ConfigureLogging(base::LogLevel::kWarn, base::LogFormat::kLogfmt);
  const uint32_t seed = std::random_device{}();
  std::printf("seed %u, %d kills\n", seed, Kills());
  std::mt19937 random(seed);
  // Exponential: many kills soon after the start, some late.
  std::exponential_distribution<double> delay_us(1 / 120'000.0);
  void* shared = mmap(nullptr, sizeof(Acknowledged), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto* acknowledged = new (shared) Acknowledged;

  const std::string path =
      std::filesystem::temp_directory_path() / ("tributary-crash-" + std::to_string(getpid()));
  const std::string as_killed = path + "-as-killed";  // stays for who looks into a failure
  const std::vector<Scenario> scenarios = Scenarios(path);
  int64_t samples_ticks = 0;
  for (int killed = 0; killed < Kills() && !HasFailure(); ++killed) {
    const Scenario& scenario =
        scenarios[static_cast<size_t>(killed / kKillsPerDirectory) % scenarios.size()];
    SCOPED_TRACE(std::string(scenario.name) + ", kill " + std::to_string(killed));
    if (killed % kKillsPerDirectory == 0) {
      std::filesystem::remove_all(path);
      std::filesystem::create_directory(path);
      for (auto& ticks : acknowledged->ticks) ticks.store(0);
    }
    const int64_t before = acknowledged->ticks[0].load();
    const int after_us = 2000 + static_cast<int>(std::min(delay_us(random), 1e6));
    const Begin begin = killed % 2 == 0 ? Begin::kLoaded : Begin::kLoading;
    ASSERT_TRUE(RunAndKill(scenario, begin, *acknowledged, after_us));
    samples_ticks += acknowledged->ticks[0].load() - before;

    std::filesystem::remove_all(as_killed);
    std::filesystem::copy(path, as_killed, std::filesystem::copy_options::recursive);
    SCOPED_TRACE("the directory as it was then: " + as_killed);
    Surroundings around;
    const auto db = OpenAndLoad(scenario.options, around);
    ASSERT_TRUE(db) << db.error().message();
    const int64_t newest = acknowledged->ticks[0].load();
    const int64_t kept = scenario.options.retention_time_ms / kTickMs;
    ExpectAcknowledged(**db, scenario.order, *acknowledged, std::max<int64_t>(0, newest - kept));
    const base::Status closed = (*db)->Close();
    EXPECT_TRUE(closed) << closed.error().message();
    ExpectOnlyOwnFiles(path);
  }
  std::printf("%lld commits acknowledged by writer 0\n", static_cast<long long>(samples_ticks));
  EXPECT_GT(samples_ticks, Kills()) << "the load hardly ran, so nothing was tested";
  std::filesystem::remove_all(path);
  if (!HasFailure()) std::filesystem::remove_all(as_killed);
  munmap(shared, sizeof(Acknowledged));
}

}  // namespace
}  // namespace tributary::tests
