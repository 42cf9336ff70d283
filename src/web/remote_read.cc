// /api/v1/read: stored samples for other servers, as snappy-packed samples or as a stream of
// chunks. Source: Prometheus storage/remote/read_handler.go, codec.go, chunked.go.
#include "wire/remote_read.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/mutex.h"
#include "chunk/histogram_reader.h"
#include "chunk/xor2_chunk.h"
#include "chunk/xor_chunk.h"
#include "storage/merge_selection.h"
#include "storage/querier.h"
#include "tsdb/block/normalize_chunks.h"
#include "tsdb/wal/crc32c.h"
#include "web/routes.h"
#include "wire/compression.h"
#include "wire/histogram_proto.h"
#include "wire/protobuf.h"

namespace tributary::web {
namespace {

using base::Result;
using base::Status;

constexpr size_t kMaxRequestBytes = 32 * 1024 * 1024;  // unpacked

// Lets at most so many calls work at a time.
class ReadGate {
 public:
  ReadGate(size_t limit, base::MetricsRegistry& metrics)
      : limit_(limit),
        queries_(metrics.GetGauge("prometheus_remote_read_handler_queries",
                                  "The current number of remote read queries that are either in "
                                  "execution or queued on the handler.")) {}

  // False when the client went away meanwhile.
  bool Enter(const net::Request& request) {
    queries_.Add(1);
    base::MutexLock lock(mutex_);
    while (limit_ != 0 && running_ >= limit_) {
      if (request.cancelled()) {
        queries_.Add(-1);
        return false;
      }
      left_.WaitFor(mutex_, std::chrono::milliseconds(50));
    }
    ++running_;
    return true;
  }
  void Leave() {
    queries_.Add(-1);
    base::MutexLock lock(mutex_);
    --running_;
    left_.NotifyOne();
  }

 private:
  const size_t limit_;
  base::Gauge& queries_;
  base::Mutex mutex_;
  base::CondVar left_;
  size_t running_ TB_GUARDED_BY(mutex_) = 0;
};

// Reads the series of one query, one after the other, with our external labels added.
class QueryReader {
 public:
  QueryReader(const wire::ReadQuery& query, const model::Labels& external)
      : query_(query), external_(external) {}

  // `sorted`: by labels.
  Status Open(storage::Queryable& queryable, bool sorted) {
    ASSIGN_OR_RETURN(querier_, queryable.NewQuerier(query_.start, query_.end));
    storage::SelectHints hints;
    hints.start = query_.start;
    hints.end = query_.end;
    hints.step_ms = query_.step_ms;
    hints.range_ms = query_.range_ms;
    ASSIGN_OR_RETURN(selection_, querier_->Select(LocalMatchers(), hints));
    if (!sorted || selection_->sorted()) return {};
    std::vector<std::unique_ptr<storage::SeriesSelection>> one;
    one.push_back(std::move(selection_));
    selection_ = storage::MergeSelections(std::move(one));
    return {};
  }

  size_t size() const { return selection_->size(); }

  // The encoded labels of series i, and its chunks: by time, not overlapping, nothing outside of
  // the query's range. Valid until the next call.
  Status Read(size_t i) {
    const model::Labels own = selection_->LabelsOf(i);
    builder_.Reset(external_);
    for (const model::Label& label : own) builder_.Set(label.name, label.value);
    builder_.ToSpan(&span_);
    labels_.clear();
    wire::PutReadLabels(span_, &labels_);
    buffer_.Clear();
    chunks_.clear();
    RETURN_IF_ERROR(selection_->Chunks(i, &buffer_, &chunks_));
    return tsdb::NormalizeChunks({query_.start, query_.end}, {}, &buffer_, &chunks_);
  }
  const std::string& labels() const { return labels_; }
  const std::vector<chunk::ChunkView>& chunks() const { return chunks_; }

 private:
  // Our store knows nothing of the external labels: what asks for their values asks for series
  // without them.
  std::vector<model::Matcher> LocalMatchers() const {
    std::vector<model::Matcher> matchers = query_.matchers;
    for (model::Matcher& matcher : matchers) {
      if (matcher.type() == model::MatchType::kEqual &&
          external_.Get(matcher.name()) == matcher.value()) {
        matcher = model::Matcher::Equal(matcher.name(), "");
      }
    }
    return matchers;
  }

  const wire::ReadQuery& query_;
  const model::Labels& external_;
  std::unique_ptr<storage::Querier> querier_;
  std::unique_ptr<storage::SeriesSelection> selection_;
  storage::ChunkBuffer buffer_;
  std::vector<chunk::ChunkView> chunks_;
  model::LabelsBuilder builder_;
  std::vector<model::Label> span_;
  std::string labels_;
};

struct Floats {
  std::vector<model::Timestamp> t;
  std::vector<double> v;

  Status Decode(const chunk::ChunkView& chunk) {
    const size_t size = chunk::ChunkNumSamples(chunk.data);
    t.resize(size);
    v.resize(size);
    const auto decoded = chunk.encoding == chunk::Encoding::kXor2
                             ? chunk::Xor2Decode(chunk.data, t.data(), v.data(), nullptr)
                             : chunk::XorDecode(chunk.data, t.data(), v.data());
    if (!decoded) return decoded.error();
    t.resize(*decoded);
    v.resize(*decoded);
    return {};
  }
};

// The samples of a chunk as fields of a TimeSeries. Adds their number to `count`.
Status PutSamples(const chunk::ChunkView& chunk, Floats* scratch, uint64_t* count,
                  std::string* series) {
  if (!chunk::IsHistogramEncoding(chunk.encoding)) {
    RETURN_IF_ERROR(scratch->Decode(chunk));
    *count += scratch->t.size();
    for (size_t i = 0; i < scratch->t.size(); ++i) {
      wire::PutReadSample({scratch->t[i], scratch->v[i]}, series);
    }
    return {};
  }
  chunk::HistogramReader reader(chunk.encoding, chunk.data);
  std::string encoded;
  while (reader.Next()) {
    ++*count;
    encoded.clear();
    const wire::HistogramTimes times{.t = reader.t()};
    if (reader.is_float()) {
      model::FloatHistogram h;
      reader.Get(&h);
      wire::EncodeHistogramProto(h, times, &encoded);
    } else {
      model::Histogram h;
      reader.Get(&h);
      wire::EncodeHistogramProto(h, times, &encoded);
    }
    wire::PutReadHistogram(encoded, series);
  }
  return reader.status();
}

// An XOR2 chunk as XOR, which is what the protocol has a number for. Start times get lost.
Result<std::span<const uint8_t>> ToXor(const chunk::ChunkView& chunk, Floats* scratch,
                                       std::vector<uint8_t>* bytes) {
  RETURN_IF_ERROR(scratch->Decode(chunk));
  bytes->resize(chunk::kXorHeaderBytes + scratch->t.size() * chunk::kMaxXorSampleBytes);
  chunk::XorState state;
  chunk::XorBegin(&state, *bytes);
  for (size_t i = 0; i < scratch->t.size(); ++i) {
    if (!chunk::XorAppend(&state, *bytes, scratch->t[i], scratch->v[i])) {
      return base::Internal("a chunk does not fit its own size");
    }
  }
  return std::span<const uint8_t>(bytes->data(), chunk::XorBytes(state));
}

Status PutChunk(const chunk::ChunkView& chunk, Floats* scratch, std::vector<uint8_t>* bytes,
                std::string* out) {
  wire::ReadChunk read{chunk.min_time, chunk.max_time, static_cast<uint8_t>(chunk.encoding),
                       chunk.data};
  if (chunk.encoding == chunk::Encoding::kXor2) {
    ASSIGN_OR_RETURN(read.data, ToXor(chunk, scratch, bytes));
    read.type = static_cast<uint8_t>(chunk::Encoding::kXor);
  } else if (read.type > static_cast<uint8_t>(chunk::Encoding::kFloatHistogram)) {
    return base::Unimplemented(
        fmt::format("chunks of encoding {} cannot be sent as such: ask for samples", read.type));
  }
  wire::PutReadChunk(read, out);
  return {};
}

class RemoteRead {
 public:
  explicit RemoteRead(const Context& context)
      : context_(context),
        limits_(context.options.remote_read),
        gate_(limits_.concurrent, *context.services.metrics) {}

  void Serve(Call& call) {
    if (context_.services.queryable == nullptr) {
      return RespondText(call.response, 500, "unavailable with Prometheus Agent");
    }
    if (!gate_.Enter(call.request)) return RespondText(call.response, 500, "context canceled");
    ServeInTurn(call);
    gate_.Leave();
  }

 private:
  void ServeInTurn(Call& call) {
    std::string message;
    if (const Status unpacked =
            wire::SnappyDecode(base::AsBytes(call.request.body()), kMaxRequestBytes, &message);
        !unpacked) {
      return RespondText(call.response, 400,
                         unpacked.error().code() == base::ErrorCode::kCorruption
                             ? "snappy: corrupt input"
                             : unpacked.error().message());
    }
    const auto request = wire::DecodeReadRequest(message);
    if (!request) {
      // A bad regexp is told as Prometheus tells it, as an error of evaluation.
      const bool matcher = request.error().code() == base::ErrorCode::kInvalidArgument;
      return RespondText(call.response, matcher ? 500 : 400, request.error().message());
    }
    if (request->names_types && request->accepted.empty()) {
      return RespondText(call.response, 400,
                         "server does not support any of the requested response types");
    }
    const auto config = context_.services.config();
    const model::Labels& external = config->global.external_labels;
    const bool streamed = !request->accepted.empty() &&
                          request->accepted[0] == wire::ReadResponseType::kStreamedXorChunks;
    const Status served =
        streamed ? StreamChunks(call, *request, external) : SendSamples(call, *request, external);
    if (served) return;
    const bool too_many = served.error().code() == base::ErrorCode::kResourceExhausted;
    RespondText(call.response, too_many ? 400 : 500, served.error().message());
  }

  Status SendSamples(Call& call, const wire::ReadRequest& request, const model::Labels& external) {
    std::string response;
    std::string result;
    std::string series;
    Floats scratch;
    for (const wire::ReadQuery& query : request.queries) {
      QueryReader reader(query, external);
      RETURN_IF_ERROR(reader.Open(*context_.services.queryable, /*sorted=*/false));
      result.clear();
      uint64_t samples = 0;
      for (size_t i = 0; i < reader.size(); ++i) {
        if (call.request.cancelled()) return Cancelled();
        RETURN_IF_ERROR(reader.Read(i));
        series = reader.labels();
        for (const chunk::ChunkView& chunk : reader.chunks()) {
          RETURN_IF_ERROR(PutSamples(chunk, &scratch, &samples, &series));
          if (limits_.samples != 0 && samples > limits_.samples) {
            return base::Error(base::ErrorCode::kResourceExhausted,
                               fmt::format("exceeded sample limit ({})", limits_.samples));
          }
        }
        wire::PutReadSeries(series, &result);
      }
      wire::PutReadResult(result, &response);
    }
    result = std::string();
    std::string packed;
    wire::SnappyEncode(base::AsBytes(response), &packed);
    call.response.SetHeader("Content-Type", "application/x-protobuf");
    call.response.SetHeader("Content-Encoding", "snappy");
    call.response.Write(packed);
    return {};
  }

  // Frames of at most one series each. An error after the first frame follows as text, which no
  // client takes for a frame.
  Status StreamChunks(Call& call, const wire::ReadRequest& request, const model::Labels& external) {
    call.response.SetHeader(
        "Content-Type", "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    call.response.DisableCompression();
    std::string chunks;
    std::vector<uint8_t> bytes;
    Floats scratch;
    for (size_t index = 0; index < request.queries.size(); ++index) {
      QueryReader reader(request.queries[index], external);
      RETURN_IF_ERROR(reader.Open(*context_.services.queryable, /*sorted=*/true));
      for (size_t i = 0; i < reader.size(); ++i) {
        if (call.request.cancelled()) return Cancelled();
        RETURN_IF_ERROR(reader.Read(i));
        chunks.clear();
        for (const chunk::ChunkView& chunk : reader.chunks()) {
          RETURN_IF_ERROR(PutChunk(chunk, &scratch, &bytes, &chunks));
          if (reader.labels().size() + chunks.size() < limits_.bytes_in_frame) continue;
          if (!SendFrame(call, reader.labels(), chunks, index)) return {};
          chunks.clear();
        }
        if (!chunks.empty() && !SendFrame(call, reader.labels(), chunks, index)) return {};
      }
    }
    call.response.Flush();
    return {};
  }

  // Its length, its checksum, and the message.
  static bool SendFrame(Call& call, const std::string& labels, const std::string& chunks,
                        size_t query_index) {
    std::string message;
    wire::EncodeChunkedReadResponse(labels, chunks, query_index, &message);
    std::string head;
    wire::PutRawVarint(&head, message.size());
    const uint32_t crc = tsdb::Crc32c(base::AsBytes(message));
    for (const int shift : {24, 16, 8, 0}) head.push_back(static_cast<char>(crc >> shift));
    return call.response.Write(head) && call.response.Write(message);
  }

  static base::Error Cancelled() {
    return base::Error(base::ErrorCode::kCancelled, "context canceled");
  }

  const Context& context_;
  const RemoteReadLimits limits_;
  ReadGate gate_;
};

}  // namespace

void AddRemoteReadRoute(Router& router, const Context& context) {
  auto handler = std::make_shared<RemoteRead>(context);
  RouteOptions options;
  options.methods = kPost;
  options.needs = Needs::kStore;
  router.Add("/api/v1/read", options, [handler](Call& call) { handler->Serve(call); });
}

}  // namespace tributary::web
