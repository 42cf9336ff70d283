#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "base/clock.h"
#include "loadgen.h"
#include "net/http_client.h"
#include "wire/compression.h"
#include "wire/remote_write_v1.h"

namespace tributary::loadgen {
namespace {

// One request's message, encoded once. Each tick only the values and timestamps are written over:
// a timestamp of this century always takes six bytes.
class Template {
 public:
  Template(uint64_t first, uint64_t count, int64_t t) : first_(first) {
    std::vector<model::Label> labels;
    for (uint64_t i = first; i < first + count; ++i) {
      const model::Labels set = SeriesLabels(i);
      labels.clear();
      set.ToSpan(&labels);
      wire::WriteEncoderV1(&message_).AddSample(labels, {t, 1.0});
      ends_.push_back(message_.size());
    }
  }

  const std::string& Fill(uint64_t tick, int64_t t) {
    for (size_t k = 0; k < ends_.size(); ++k) {
      // … 0x09 <8 bytes value> 0x10 <6 bytes varint timestamp>
      char* end = message_.data() + ends_[k];
      const auto bits = std::bit_cast<uint64_t>(SeriesValue(first_ + k, tick));
      std::memcpy(end - 15, &bits, sizeof(bits));
      auto rest = static_cast<uint64_t>(t);
      for (int byte = 6; byte >= 1; --byte) {
        end[-byte] = static_cast<char>((rest & 0x7f) | (byte > 1 ? 0x80 : 0));
        rest >>= 7;
      }
    }
    return message_;
  }

 private:
  uint64_t first_;
  std::string message_;
  std::vector<size_t> ends_;
};

// All series of one tick, as requests; request i goes over connection i % connections.
struct Requests {
  std::vector<std::vector<Template>> of_connection;

  Requests(const IngestOptions& options, int64_t t) : of_connection(options.connections) {
    for (uint64_t first = 0, i = 0; first < options.series; first += options.batch, ++i) {
      of_connection[i % options.connections].emplace_back(
          first, std::min(options.batch, options.series - first), t);
    }
  }

  // A fifth of the requests get series that never were before; each time another fifth.
  void Replace(const IngestOptions& options, uint64_t time, int64_t t) {
    for (uint64_t first = 0, i = 0; first < options.series; first += options.batch, ++i) {
      if (i % 5 != time % 5) continue;
      const uint64_t generation = time / 5 + 1;
      of_connection[i % options.connections][i / options.connections] = Template(
          first + generation * options.series, std::min(options.batch, options.series - first), t);
    }
  }
};

// Says something to the driver, and waits until it has looked at the server.
void Report(const std::string& text) {
  std::puts(text.c_str());
  std::fflush(stdout);
  std::getchar();
}

struct Totals {
  std::atomic<uint64_t> samples{0}, wire_bytes{0}, raw_bytes{0}, failures{0};
  std::atomic<int64_t> slowest_ns{0};
  std::mutex mutex;
  std::string first_failure;
};

void SendAll(const IngestOptions& options, net::HttpClient& client, std::vector<Template>* requests,
             uint64_t tick, int64_t t, Totals* totals) {
  std::string body;
  for (Template& request : *requests) {
    const std::string& message = request.Fill(tick, t);
    body.clear();
    wire::SnappyEncode(base::AsBytes(message), &body);
    totals->raw_bytes += message.size();
    totals->wire_bytes += body.size();
    net::ClientRequest post;
    post.method = "POST";
    post.url = options.url;
    post.body = body;
    post.timeout_ms = 120'000;
    post.headers = {{"Content-Encoding", "snappy"},
                    {"Content-Type", "application/x-protobuf"},
                    {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
    const int64_t began = base::SystemClock().MonotonicNs();
    const auto answer = client.SendAndWait(std::move(post));
    const int64_t took = base::SystemClock().MonotonicNs() - began;
    for (int64_t seen = totals->slowest_ns; took > seen;) {
      if (totals->slowest_ns.compare_exchange_weak(seen, took)) {
        break;
      }
    }
    if (!answer || answer->status / 100 != 2) {
      ++totals->failures;
      const std::lock_guard lock(totals->mutex);
      if (totals->first_failure.empty()) {
        totals->first_failure =
            answer ? fmt::format("status {}: {}", answer->status, answer->body.substr(0, 200))
                   : answer.error().message();
      }
    }
  }
}

}  // namespace

int RunIngest(const IngestOptions& options) {
  const int64_t now = base::SystemClock().NowMs();
  const int64_t start =
      options.live ? now : now - static_cast<int64_t>(options.ticks) * options.interval_ms;
  Requests requests(options, start);
  auto client = net::HttpClient::Create({});
  if (!client) {
    fmt::print(stderr, "{}\n", client.error().message());
    return 1;
  }
  Totals totals;
  int64_t slowest_of_first_tick = 0;
  const int64_t began = base::SystemClock().MonotonicNs();
  for (uint64_t tick = 0; tick < options.ticks; ++tick) {
    const int64_t t = start + static_cast<int64_t>(tick) * options.interval_ms;
    if (options.live) {
      std::this_thread::sleep_for(std::chrono::milliseconds(t - base::SystemClock().NowMs()));
    }
    if (options.replace_ticks != 0 && tick != 0 && tick % options.replace_ticks == 0) {
      const uint64_t time = tick / options.replace_ticks - 1;
      Report(fmt::format("{{\"replaced\":{}}}", time));
      requests.Replace(options, time, t);
    }
    std::vector<std::thread> senders;
    for (std::vector<Template>& mine : requests.of_connection) {
      senders.emplace_back([&, tick, t] { SendAll(options, **client, &mine, tick, t, &totals); });
    }
    for (std::thread& sender : senders) {
      sender.join();
    }
    totals.samples += options.series;
    if (tick == 0) {
      slowest_of_first_tick = totals.slowest_ns.exchange(0);
      // The driver reads the server's CPU here, to tell new series from known ones.
      Report(fmt::format("{{\"first_tick_seconds\":{:.3f}}}",
                         static_cast<double>(base::SystemClock().MonotonicNs() - began) / 1e9));
    }
  }
  const int64_t slowest_known = totals.slowest_ns;
  fmt::print(
      "{{\"samples\":{},\"seconds\":{:.3f},\"wire_bytes\":{},\"raw_bytes\":{},\"slowest_ms\":{:.1f}"
      ",\"slowest_known_ms\":{:.1f},\"failures\":{}}}\n",
      totals.samples.load(), static_cast<double>(base::SystemClock().MonotonicNs() - began) / 1e9,
      totals.wire_bytes.load(), totals.raw_bytes.load(),
      static_cast<double>(std::max(slowest_of_first_tick, slowest_known)) / 1e6,
      static_cast<double>(slowest_known) / 1e6, totals.failures.load());
  if (totals.failures > 0) {
    fmt::print(stderr, "{} requests failed, the first: {}\n", totals.failures.load(),
               totals.first_failure);
    return 1;
  }
  return 0;
}

}  // namespace tributary::loadgen
