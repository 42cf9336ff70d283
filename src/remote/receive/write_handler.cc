#include "remote/receive/write_handler.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"
#include "base/mutex.h"
#include "remote/receive/batch_writer.h"
#include "remote/receive/request_body.h"
#include "remote/receive/write_probe.h"
#include "remote/receive/write_v1.h"
#include "remote/receive/write_v2.h"
#include "remote/write_offer.h"

namespace tributary::remote {
namespace {

constexpr int64_t kMaxAheadMs = 10 * 60 * 1000;
constexpr int64_t kRetryAfterSeconds = 5;
constexpr int64_t kGenerationNs = int64_t{15} * 60 * 1'000'000'000;
constexpr int64_t kWarnEveryNs = int64_t{10} * 1'000'000'000;
constexpr size_t kMetadataCacheShare = 8;  // a part in 8 of the cache's memory
// A buffer that grew beyond this for one request is given back after it.
constexpr size_t kKeptBodyBytes = 8 << 20;

// What is kept between requests.
struct Scratch {
  std::string body;
  BatchScratch batch;
  WriteV2Scratch v2;
};

// As many as there were requests at once; the one used last is taken first. The server has many
// more threads than that, and a megabyte for each would be memory for nothing. Thread-safe.
class ScratchPool {
 public:
  std::unique_ptr<Scratch> Take() {
    base::MutexLock lock(mutex_);
    if (free_.empty()) return std::make_unique<Scratch>();
    std::unique_ptr<Scratch> scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }
  void Return(std::unique_ptr<Scratch> scratch) {
    if (scratch->body.capacity() > kKeptBodyBytes) return;
    base::MutexLock lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  base::Mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_ TB_GUARDED_BY(mutex_);
};

WriteResponse Answer(int status, std::string error) {
  WriteResponse response;
  response.status = status;
  response.error = std::move(error);
  return response;
}

std::string AcceptedMessages(const WriteHandlerOptions& options) {
  std::string all(options.accept_v2 ? kMessageV2 : "");
  if (options.accept_v1) {
    all.append(all.empty() ? "" : ", ").append(kMessageV1);
  }
  return all;
}

class Handler final : public WriteHandler {
 public:
  Handler(WriteHandlerOptions options, storage::Appendable& storage, const base::Clock& clock,
          base::MetricsRegistry& metrics)
      : options_(options),
        accepted_messages_(AcceptedMessages(options)),
        storage_(storage),
        clock_(clock),
        series_cache_(options.max_cache_bytes),
        metadata_cache_(options.max_cache_bytes / kMetadataCacheShare),
        generation_started_(clock.MonotonicNs()),
        probe_(metrics, series_cache_) {}

  WriteResponse Handle(const WriteRequest& request) override {
    WriteResponse response = HandlePacked(request);
    response.accepted_messages = accepted_messages_;
    response.out_of_order_window_ms = out_of_order_window_ms_.load(std::memory_order_relaxed);
    return response;
  }

  void SetOutOfOrderWindow(int64_t ms) override {
    out_of_order_window_ms_.store(ms, std::memory_order_relaxed);
  }

  std::vector<std::pair<std::string, model::Metadata>> Families() const override {
    return families_.All();
  }

 private:
  WriteResponse HandlePacked(const WriteRequest& request) {
    const auto encoding = ParseBodyEncoding(request.content_encoding);
    if (!encoding) return Answer(415, encoding.error().message());
    const auto protocol = ParseWriteContentType(request.content_type);
    if (!protocol) return Answer(415, protocol.error().message());
    const bool accepted = *protocol == WriteProtocol::kV1 ? options_.accept_v1 : options_.accept_v2;
    if (!accepted) {
      return Answer(415, *protocol == WriteProtocol::kV1
                             ? "remote write 1.0 messages are not accepted by this server"
                             : "remote write 2.0 messages are not accepted by this server");
    }
    if (request.body.size() > options_.max_decoded_bytes) {
      return Answer(413, fmt::format("request body is larger than the limit of {} bytes",
                                     options_.max_decoded_bytes));
    }
    std::unique_ptr<Scratch> scratch = scratches_.Take();
    WriteResponse response = HandleUnpacked(request, *encoding, *protocol, *scratch);
    scratches_.Return(std::move(scratch));
    return response;
  }

  WriteResponse HandleUnpacked(const WriteRequest& request, BodyEncoding encoding,
                               WriteProtocol protocol, Scratch& scratch) {
    if (const auto status =
            UnpackBody(encoding, request.body, options_.max_decoded_bytes, &scratch.body);
        !status) {
      return Answer(400, status.error().message());
    }
    const BatchWriter::Options batch{
        .series_cache = series_cache_,
        .metadata_cache = metadata_cache_,
        .families = families_,
        .max_time = clock_.NowMs() + kMaxAheadMs,
        .invalid_labels_are_errors = protocol == WriteProtocol::kV2,
        .keep_starts = options_.keep_starts,
    };
    const std::unique_ptr<storage::Appender> appender = storage_.NewAppender();
    appender->ExpectResends();
    if (protocol == WriteProtocol::kV1) {
      WriteV1 source;
      BatchWriter writer(batch, *appender, source, scratch.batch);
      const auto decoded = source.Run(scratch.body, writer);
      return Finish(request, protocol, decoded, writer, *appender);
    }
    WriteV2 source(scratch.v2);
    BatchWriter writer(batch, *appender, source, scratch.batch);
    const auto decoded = source.Run(scratch.body, writer);
    return Finish(request, protocol, decoded, writer, *appender);
  }

  WriteResponse Finish(const WriteRequest& request, WriteProtocol protocol,
                       const base::Status& decoded, BatchWriter& writer,
                       storage::Appender& appender) {
    if (!decoded) {
      appender.Rollback();
      return Answer(400, decoded.error().message());
    }
    if (!writer.failure()) {
      appender.Rollback();
      return writer.request_is_broken() ? Answer(400, writer.failure().error().message())
                                        : StoreFailed(writer.failure().error());
    }
    if (const auto committed = appender.Commit(); !committed) {
      return StoreFailed(committed.error());
    }
    writer.RememberMetadata();
    const WriteCounts& counts = writer.counts();
    probe_.Count(protocol, counts);
    AgeCaches(counts.some_time);
    if (!writer.invalid_example().empty() && MayWarn()) {
      LOG_WARN("remote write: series with invalid labels skipped",
               kv("samples", counts.invalid_label_samples), kv("user", request.user),
               kv("example", writer.invalid_example()));
    }
    WriteResponse response;
    response.has_written = protocol == WriteProtocol::kV2;
    response.samples_written = counts.samples_written;
    response.histograms_written = counts.histograms_written;
    response.exemplars_written = counts.exemplars_written;
    if (!writer.rejections().empty()) {
      response.status = 400;
      response.error = writer.rejections().Text();
    }
    return response;
  }

  WriteResponse StoreFailed(const base::Error& error) {
    WriteResponse response = Answer(500, error.message());
    switch (error.code()) {
      case base::ErrorCode::kNoSpace:
      case base::ErrorCode::kUnavailable:
      case base::ErrorCode::kTimeout:
        response.status = 503;
        response.retry_after_seconds = kRetryAfterSeconds;
        break;
      default:
        break;
    }
    probe_.Failed();
    return response;
  }

  // A generation is over by our clock or by that of the samples, whichever is first: hours of a
  // backlog come in minutes, and the series that have gone in them are as many.
  void AgeCaches(model::Timestamp sample_time) {
    sample_time = std::max<model::Timestamp>(sample_time, 0);  // whatever a sender may claim
    const int64_t now = clock_.MonotonicNs();
    int64_t started = generation_started_.load(std::memory_order_relaxed);
    const int64_t newest = generation_newest_.load(std::memory_order_relaxed);
    if (now - started < kGenerationNs && sample_time - newest < kGenerationNs / 1'000'000) return;
    if (!generation_started_.compare_exchange_strong(started, now)) return;  // another one does it
    generation_newest_.store(std::max(newest, sample_time), std::memory_order_relaxed);
    series_cache_.NextGeneration();
    metadata_cache_.NextGeneration();
  }
  // True for one caller whenever enough time has passed since the last warning.
  bool MayWarn() {
    const int64_t now = clock_.MonotonicNs();
    int64_t before = warned_.load(std::memory_order_relaxed);
    return now - before >= kWarnEveryNs &&
           warned_.compare_exchange_strong(before, now, std::memory_order_relaxed);
  }

  const WriteHandlerOptions options_;
  const std::string accepted_messages_;
  storage::Appendable& storage_;
  const base::Clock& clock_;
  SeriesCache series_cache_;
  SeriesCache metadata_cache_;
  FamilyStore families_;
  std::atomic<int64_t> generation_started_;
  std::atomic<int64_t> generation_newest_{0};  // the time of a sample
  std::atomic<int64_t> out_of_order_window_ms_{0};
  std::atomic<int64_t> warned_{INT64_MIN / 2};
  WriteProbe probe_;
  ScratchPool scratches_;
};

}  // namespace

std::unique_ptr<WriteHandler> WriteHandler::Create(WriteHandlerOptions options,
                                                   storage::Appendable& storage,
                                                   const base::Clock& clock,
                                                   base::MetricsRegistry& metrics) {
  return std::make_unique<Handler>(options, storage, clock, metrics);
}

}  // namespace tributary::remote
