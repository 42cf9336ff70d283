#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "loadgen.h"
#include "net/http_server.h"
#include "remote/write_offer.h"
#include "wire/compression.h"
#include "wire/remote_write_v1.h"
#include "wire/remote_write_v2.h"

namespace tributary::loadgen {
namespace {

constexpr const char* kFamilies[] = {"http_requests_total", "http_request_duration_seconds_sum",
                                     "process_open_handles", "queue_depth", "cache_hits_total"};

// The page of one target: the text between values is made once, values change with each scrape.
class TargetPage {
 public:
  // Each minute a twentieth of the series gives way to new ones, when they `churn`.
  TargetPage(uint64_t samples, bool churn) : churn_(churn) {
    for (uint64_t i = 0; i < samples; ++i) {
      const uint64_t family = i * 5 / samples;
      if (i == 0 || family != (i - 1) * 5 / samples) {
        comments_.push_back(fmt::format("# HELP {0} What {0} says.\n# TYPE {0} {1}\n",
                                        kFamilies[family], family < 2 ? "counter" : "gauge"));
      } else {
        comments_.emplace_back();
      }
      lines_.push_back(fmt::format(
          "{}{{handler=\"/api/v1/resource-{}\",method=\"{}\",code=\"{}\",pool=\"pool-{}\"{}",
          kFamilies[family], i % 100, i % 3 == 0 ? "GET" : "POST", i % 7 == 0 ? 500 : 200, i / 100,
          churn ? "" : "} "));
    }
  }

  std::string Render(uint64_t target) {
    const uint64_t tick = scrapes_.fetch_add(1);
    constexpr uint64_t kParts = 20;
    const auto minute = static_cast<uint64_t>(base::SystemClock().NowMs() / 60'000);
    std::string page;
    page.reserve(lines_.size() * 110);
    for (size_t i = 0; i < lines_.size(); ++i) {
      page += comments_[i];
      page += lines_[i];
      if (churn_) page += fmt::format(",release=\"r{}\"}} ", (minute + i % kParts) / kParts);
      base::AppendFloat(&page, SeriesValue(target * 10'000 + i, tick));
      page.push_back('\n');
    }
    return page;
  }

 private:
  const bool churn_;
  std::vector<std::string> comments_, lines_;
  std::atomic<uint64_t> scrapes_{0};
};

struct Counts {
  std::atomic<uint64_t> samples{0}, bytes{0}, requests{0};
};

class CountV1 final : public wire::WriteVisitorV1 {
 public:
  void OnSeries(const wire::WriteSeriesV1& series) override { samples += series.samples.size(); }
  uint64_t samples = 0;
};

class CountV2 final : public wire::WriteVisitorV2 {
 public:
  void OnSeries(const wire::WriteSeriesV2& series) override { samples += series.samples.size(); }
  uint64_t samples = 0;
};

void TakeWrite(net::Request& request, net::ResponseWriter& response, Counts* counts) {
  std::string message;
  const bool zstd = request.header("Content-Encoding") == "zstd";
  const auto unpacked = zstd ? wire::ZstdDecode(base::AsBytes(request.body()), 1 << 28, &message)
                             : wire::SnappyDecode(base::AsBytes(request.body()), 1 << 28, &message);
  uint64_t samples = 0;
  base::Status decoded = unpacked;
  if (decoded && request.header("Content-Type").find("v2.Request") != std::string_view::npos) {
    CountV2 visitor;
    std::vector<std::string_view> symbols;
    decoded = wire::DecodeWriteV2(message, &symbols, &visitor);
    samples = visitor.samples;
    response.SetHeader("X-Prometheus-Remote-Write-Samples-Written", std::to_string(samples));
  } else if (decoded) {
    CountV1 visitor;
    decoded = wire::DecodeWriteV1(message, &visitor);
    samples = visitor.samples;
  }
  response.SetHeader(remote::kOfferedCodingsHeader, std::string(remote::kOfferedCodings));
  response.SetHeader(remote::kOfferedMessagesHeader, std::string(remote::kMessageV2));
  if (!decoded) {
    response.SetStatus(400);
    response.Write(decoded.error().message());
    return;
  }
  counts->samples += samples;
  counts->bytes += request.body().size();
  ++counts->requests;
  response.SetStatus(204);
}

}  // namespace

int RunFarm(uint16_t port, uint64_t targets, uint64_t samples, bool churn) {
  std::vector<std::unique_ptr<TargetPage>> pages;
  for (uint64_t i = 0; i < targets; ++i) {
    pages.push_back(std::make_unique<TargetPage>(samples, churn));
  }
  Counts counts;
  net::HttpServerOptions options;
  options.listen_addresses = {fmt::format("127.0.0.1:{}", port)};
  options.max_connections = 4096;
  auto server = net::HttpServer::Create(
      options, [](net::Request&, net::ResponseWriter&) { return true; },
      [&](net::Request& request, net::ResponseWriter& response) {
        const std::string_view path = request.path();
        if (path.starts_with("/t/")) {
          const auto target = base::ParseUint(path.substr(3, path.find('/', 3) - 3));
          if (target && *target < pages.size()) {
            response.SetHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
            response.Write(pages[*target]->Render(*target));
            return;
          }
        } else if (path == "/write") {
          TakeWrite(request, response, &counts);
          return;
        } else if (path == "/count") {
          response.Write(fmt::format("{{\"samples\":{},\"bytes\":{},\"requests\":{}}}",
                                     counts.samples.load(), counts.bytes.load(),
                                     counts.requests.load()));
          return;
        }
        response.SetStatus(404);
      });
  if (!server) {
    fmt::print(stderr, "{}\n", server.error().message());
    return 1;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  (*server)->Start();
  int signal = 0;
  sigwait(&signals, &signal);
  (*server)->Stop(1000);
  return 0;
}

}  // namespace tributary::loadgen
