// A remote write receiver on loopback that answers as each test tells it to, and remembers what it
// took.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "net/http_server.h"
#include "wire/compression.h"
#include "wire/remote_write_v1.h"
#include "wire/remote_write_v2.h"

namespace tributary {

// What arrived, by series text: (t, v) in order of arrival.
using Received = std::map<std::string, std::vector<std::pair<int64_t, double>>>;

class Receiver : public wire::WriteVisitorV1, public wire::WriteVisitorV2 {
 public:
  Receiver() {
    net::HttpServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    auto server = net::HttpServer::Create(
        options, [](net::Request&, net::ResponseWriter&) { return true; },
        [this](net::Request& request, net::ResponseWriter& response) {
          Handle(request, response);
        });
    EXPECT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
    server_->Start();
  }
  ~Receiver() override { server_->Stop(0); }

  std::string Url() const {
    return "http://127.0.0.1:" + std::to_string(server_->ports()[0]) + "/write";
  }

  // The status for a message with these samples; 200s are recorded. Default: always 204.
  using Judge = std::function<int(const Received&, size_t request)>;
  void SetJudge(Judge judge) {
    base::MutexLock lock(mutex_);
    judge_ = std::move(judge);
  }
  // Answers `status` to a request whose Content-Encoding or Content-Type has this in it.
  void Refuse(std::string form, int status) {
    base::MutexLock lock(mutex_);
    refused_[std::move(form)] = status;
  }
  void SetHeader(std::string name, std::string value) {
    base::MutexLock lock(mutex_);
    headers_[std::move(name)] = std::move(value);
  }
  Received received() {
    base::MutexLock lock(mutex_);
    return received_;
  }
  size_t samples() {
    size_t n = 0;
    for (const auto& [series, list] : received()) {
      n += list.size();
    }
    return n;
  }
  size_t requests() {
    base::MutexLock lock(mutex_);
    return requests_;
  }
  // Of each series in a 2.0 message, that of its newest sample.
  std::map<std::string, int64_t> starts() {
    base::MutexLock lock(mutex_);
    return starts_;
  }
  // Texts in 2.0 messages that no label of theirs has.
  std::set<std::string> unused_symbols() {
    base::MutexLock lock(mutex_);
    return unused_symbols_;
  }
  // "<type> <unit> <help>" of the newest series of a 2.0 message.
  std::string metadata() {
    base::MutexLock lock(mutex_);
    return metadata_;
  }
  // "<coding> <content type>" of each request, in order, repetitions left out.
  std::vector<std::string> forms() {
    base::MutexLock lock(mutex_);
    return forms_;
  }

 private:
  void OnSeries(const wire::WriteSeriesV2& series) override TB_NO_THREAD_SAFETY_ANALYSIS {
    std::vector<model::Label> labels;
    wire::ResolveLabelsV2(series, symbols_, &labels);
    const std::string name = model::Labels::FromSpan(labels).ToMetricString();
    auto& list = message_[name];
    for (const wire::WriteSampleV2& sample : series.samples) {
      list.emplace_back(sample.t, sample.v);
      starts_[name] = sample.start;
    }
    used_symbols_.insert(series.label_refs.begin(), series.label_refs.end());
    const wire::WriteMetadataV2& said = series.metadata;
    metadata_ = fmt::format("{} {} {}", model::MetricTypeName(said.type), symbols_[said.unit_ref],
                            symbols_[said.help_ref]);
  }

  void OnSeries(const wire::WriteSeriesV1& series) override TB_NO_THREAD_SAFETY_ANALYSIS {
    std::vector<model::Label> labels;
    ASSERT_TRUE(wire::SplitLabelsV1(series, &labels));
    auto& list = message_[model::Labels::FromSpan(labels).ToMetricString()];
    for (const model::Sample& sample : series.samples) {
      list.emplace_back(sample.t, sample.v);
    }
  }

  void Handle(net::Request& request, net::ResponseWriter& response) {
    base::MutexLock lock(mutex_);
    const std::string form = std::string(request.header("Content-Encoding")) + " " +
                             std::string(request.header("Content-Type"));
    if (forms_.empty() || forms_.back() != form) {
      forms_.push_back(form);
    }
    message_.clear();
    std::string decoded;
    const auto decode = form.starts_with("zstd ") ? wire::ZstdDecode : wire::SnappyDecode;
    ASSERT_TRUE(decode(base::AsBytes(request.body()), 32 << 20, &decoded));
    if (request.header("Content-Type") == "application/x-protobuf") {
      ASSERT_TRUE(wire::DecodeWriteV1(decoded, this));
    } else {
      used_symbols_ = {0};
      ASSERT_TRUE(wire::DecodeWriteV2(decoded, &symbols_, this));
      for (uint32_t i = 0; i < symbols_.size(); ++i) {
        if (!used_symbols_.contains(i)) {
          unused_symbols_.emplace(symbols_[i]);
        }
      }
    }
    int status = judge_ ? judge_(message_, requests_) : 204;
    for (const auto& [refused, answer] : refused_) {
      status = form.find(refused) != std::string::npos ? answer : status;
    }
    ++requests_;
    response.SetStatus(status);
    for (const auto& [name, value] : headers_) {
      response.SetHeader(name, value);
    }
    if (status / 100 == 2) {
      for (const auto& [series, list] : message_) {
        auto& all = received_[series];
        all.insert(all.end(), list.begin(), list.end());
      }
    }
  }

  base::Mutex mutex_;
  Judge judge_ TB_GUARDED_BY(mutex_);
  Received message_ TB_GUARDED_BY(mutex_);
  Received received_ TB_GUARDED_BY(mutex_);
  std::map<std::string, std::string> headers_ TB_GUARDED_BY(mutex_);
  std::map<std::string, int> refused_ TB_GUARDED_BY(mutex_);
  std::vector<std::string> forms_ TB_GUARDED_BY(mutex_);
  std::string metadata_ TB_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> starts_ TB_GUARDED_BY(mutex_);
  std::set<uint32_t> used_symbols_ TB_GUARDED_BY(mutex_);  // of the message
  std::set<std::string> unused_symbols_ TB_GUARDED_BY(mutex_);
  std::vector<std::string_view> symbols_ TB_GUARDED_BY(mutex_);
  size_t requests_ TB_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace tributary
