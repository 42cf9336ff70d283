#include "remote/receive/write_handler.h"

#include <functional>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "wire/compression.h"
#include "wire/protobuf.h"
#include "wire/remote_write_v1.h"
#include "wire/remote_write_v2.h"

namespace tributary::remote {
namespace {

using model::Label;
using storage::AppendOutcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr const char* kV2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

// A store that writes down what it is told, with verdicts and failures the test chooses.
class FakeStore : public storage::Appendable {
 public:
  std::function<AppendOutcome(const std::string& series, model::Timestamp t)> verdict;
  base::Status create_status;  // of GetOrCreate
  base::Status commit_status;
  int resolved = 0;  // calls of GetOrCreate
  int rollbacks = 0;
  std::vector<std::string> written;  // by committed appenders

  // Refs handed out so far are not known any more.
  void Forget() {
    base::MutexLock lock(mutex_);
    refs_.clear();
    numbers_.clear();
  }

  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<Batch>(*this);
  }

 private:
  class Batch : public storage::Appender {
   public:
    explicit Batch(FakeStore& store) : store_(store) {}
    base::Result<model::SeriesRef> GetOrCreate(model::LabelSpan labels, uint64_t hash) override {
      EXPECT_EQ(hash, model::HashLabels(labels));
      base::MutexLock lock(store_.mutex_);
      ++store_.resolved;
      if (!store_.create_status) return store_.create_status.error();
      const std::string text = model::Labels::FromSpan(labels).ToMetricString();
      uint64_t& ref = store_.numbers_[text];
      if (ref == 0) {
        ref = ++store_.last_ref_;
        store_.refs_[ref] = text;
      }
      return model::SeriesRef(ref);
    }
    void Append(std::span<const storage::RefSample> samples,
                std::span<AppendOutcome> outcomes) override {
      base::MutexLock lock(store_.mutex_);
      for (size_t i = 0; i < samples.size(); ++i) {
        outcomes[i] =
            Take(samples[i].ref, samples[i].t,
                 model::IsStaleNaN(samples[i].v) ? "stale" : std::to_string(samples[i].v));
      }
    }
    void AppendWithStarts(std::span<const storage::RefSample> samples,
                          const storage::Starts& starts,
                          std::span<AppendOutcome> outcomes) override {
      for (size_t i = 0; i < samples.size(); ++i) {
        Append(samples.subspan(i, 1), outcomes.subspan(i, 1));
        if (outcomes[i] == AppendOutcome::kAppended && starts[i] != 0) NoteStart(starts[i]);
      }
    }
    AppendOutcome AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                           model::Timestamp start,
                                           const model::Histogram& h) override {
      const AppendOutcome outcome = AppendHistogram(ref, t, h);
      if (outcome == AppendOutcome::kAppended && start != 0) NoteStart(start);
      return outcome;
    }
    AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                  const model::Histogram& h) override {
      base::MutexLock lock(store_.mutex_);
      if (!model::Validate(h)) return AppendOutcome::kInvalid;
      return Take(ref, t, "histogram " + std::to_string(h.count) + "/" + std::to_string(h.schema));
    }
    AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                  const model::FloatHistogram& h) override {
      base::MutexLock lock(store_.mutex_);
      return Take(ref, t, "float histogram " + std::to_string(h.count));
    }
    void AppendExemplar(model::SeriesRef ref, const model::Exemplar& exemplar) override {
      base::MutexLock lock(store_.mutex_);
      Take(ref, exemplar.t, "exemplar " + exemplar.labels.ToString());
    }
    void UpdateMetadata(model::SeriesRef ref, const model::Metadata& m) override {
      base::MutexLock lock(store_.mutex_);
      Take(ref, 0, std::string(model::MetricTypeName(m.type)) + "/" + m.help + "/" + m.unit);
    }
    base::Status Commit() override {
      base::MutexLock lock(store_.mutex_);
      if (!store_.commit_status) return store_.commit_status;
      store_.written.insert(store_.written.end(), mine_.begin(), mine_.end());
      return base::OkStatus();
    }
    void Rollback() override {
      base::MutexLock lock(store_.mutex_);
      ++store_.rollbacks;
    }
    const storage::AppenderStats& stats() const override { return stats_; }

   private:
    AppendOutcome Take(model::SeriesRef ref, model::Timestamp t, const std::string& what)
        TB_REQUIRES(store_.mutex_) {
      const auto found = store_.refs_.find(ref.value());
      if (found == store_.refs_.end()) return AppendOutcome::kUnknownSeries;
      const AppendOutcome outcome =
          store_.verdict ? store_.verdict(found->second, t) : AppendOutcome::kAppended;
      if (outcome == AppendOutcome::kAppended) {
        mine_.push_back(found->second + " " + what + " @" + std::to_string(t - kNow));
      }
      return outcome;
    }
    void NoteStart(model::Timestamp start) {
      mine_.back() += " since " + std::to_string(start - kNow);
    }
    FakeStore& store_;
    std::vector<std::string> mine_;
    storage::AppenderStats stats_;
  };

  base::Mutex mutex_;
  std::map<uint64_t, std::string> refs_;
  std::map<std::string, uint64_t> numbers_;
  uint64_t last_ref_ = 0;
};

std::string Snappy(std::string_view message) {
  std::string packed;
  wire::SnappyEncode(base::AsBytes(message), &packed);
  return packed;
}

class WriteHandlerTest : public testing::Test {
 protected:
  int names_ = 0;
  WriteResponse Send(std::string_view body, std::string_view content_type = "",
                     std::string_view encoding = "") {
    const WriteRequest request{
        .content_type = content_type, .content_encoding = encoding, .user = "", .body = body};
    return handler_->Handle(request);
  }
  WriteResponse SendV1(const std::string& message) {
    return Send(Snappy(message), "application/x-protobuf", "snappy");
  }
  WriteResponse SendV2(wire::WriteEncoderV2& encoder) {
    return Send(Snappy(encoder.Finish()), kV2, "snappy");
  }
  static void Add(std::string* message, std::vector<Label> labels, int64_t t, double v) {
    wire::WriteEncoderV1(message).AddSample(labels, {kNow + t, v});
  }
  static std::string One(std::vector<Label> labels, int64_t t = 0, double v = 1) {
    std::string message;
    Add(&message, std::move(labels), t, v);
    return message;
  }
  double Metric(std::string_view line_start) {
    const std::string text = "\n" + metrics_.RenderText();
    const size_t at = text.find("\n" + std::string(line_start) + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line_start.size() + 2));
  }

  FakeStore store_;
  base::ManualClock clock_{kNow};
  base::MetricsRegistry metrics_;
  std::unique_ptr<WriteHandler> handler_ =
      WriteHandler::Create(WriteHandlerOptions{}, store_, clock_, metrics_);
};

TEST_F(WriteHandlerTest, HeadersChooseProtocolAndStatus) {
  std::string v2_body;
  {
    wire::WriteEncoderV2 encoder;
    encoder.Reset();
    const Label up[] = {{"__name__", "up"}};
    encoder.AddSample(up, {.t = kNow, .v = 1});
    v2_body = Snappy(encoder.Finish());
  }
  const std::string v1_body = Snappy(One({{"__name__", "up"}}));
  const auto f = [&](std::string_view type, std::string_view encoding, int status,
                     bool v2 = false) {
    const WriteResponse response = Send(v2 ? v2_body : v1_body, type, encoding);
    EXPECT_EQ(response.status, status) << type << " " << encoding << ": " << response.error;
    EXPECT_EQ(response.error.empty(), status == 204) << response.error;
  };
  f("", "", 204);
  f("application/x-protobuf", "snappy", 204);
  f("application/x-protobuf;proto=prometheus.WriteRequest", "snappy", 204);
  f("application/x-protobuf; proto=prometheus.WriteRequest", "Snappy", 204);
  f("application/x-protobuf;charset=utf-8", "snappy", 204);
  f(kV2, "snappy", 204, true);
  f("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", 415);
  f("application/x-protobuf;proto", "snappy", 415);
  f("application/json", "snappy", 415);
  f("text/plain;proto=prometheus.WriteRequest", "snappy", 415);
  f("application/x-protobuf", "br", 415);
  f("application/x-protobuf", "gzip", 400);  // it is snappy, after all
}

TEST_F(WriteHandlerTest, TakesEveryEncoding) {
  const std::string message = One({{"__name__", "up"}});
  std::string packed;
  wire::ZstdEncode(base::AsBytes(message), &packed);
  EXPECT_EQ(Send(packed, "", "zstd").status, 204);
  wire::GzipEncode(base::AsBytes(message), &packed);
  EXPECT_EQ(Send(packed, "", "gzip").status, 204);
  EXPECT_EQ(store_.written.size(), 2u);
}

TEST_F(WriteHandlerTest, RefusesWhatTheServerDoesNotTake) {
  handler_ = WriteHandler::Create({.accept_v1 = false}, store_, clock_, metrics_);
  EXPECT_EQ(SendV1(One({{"__name__", "up"}})).status, 415);
  handler_ = WriteHandler::Create({.accept_v2 = false}, store_, clock_, metrics_);
  EXPECT_EQ(Send("", kV2).status, 415);
}

// A day in which series come and go: known are those of its last hour, not all, whether it is the
// clock or the samples (a backlog) that tell that it has passed, or both.
TEST_F(WriteHandlerTest, SeriesThatAreGoneMakeRoom) {
  constexpr int kQuarters = 4 * 24;
  constexpr int64_t kQuarterMs = 15 * 60 * 1000;
  const auto bytes_after_a_day = [&](int64_t sample_ms, int64_t clock_ms) {
    handler_.reset();
    handler_ = WriteHandler::Create({}, store_, clock_, metrics_);
    clock_.Advance(clock_ms / 2);  // the two do not tell it at once
    int series = 0;
    for (int half = 0; half < 2 * kQuarters; ++half) {
      std::string message;
      for (int i = 0; i < 750; ++i, ++series) {
        Add(&message, {{"__name__", "pod"}, {"id", std::to_string(series)}},
            (half - 2 * kQuarters) * sample_ms / 2, 1);
      }
      EXPECT_EQ(SendV1(message).status, 204);
      clock_.Advance(clock_ms / 2);
    }
    return Metric("tributary_remote_write_series_cache_bytes");
  };
  const double by_clock = bytes_after_a_day(0, kQuarterMs);
  EXPECT_EQ(bytes_after_a_day(kQuarterMs, 0), by_clock);
  EXPECT_EQ(bytes_after_a_day(kQuarterMs, kQuarterMs), by_clock) << "it has passed once, not twice";
  EXPECT_GT(bytes_after_a_day(0, 0), by_clock * 8);
}

TEST_F(WriteHandlerTest, BodiesAreBounded) {
  handler_ = WriteHandler::Create({.max_decoded_bytes = 1000}, store_, clock_, metrics_);
  EXPECT_EQ(Send(std::string(1001, 'x')).status, 413);
  const std::string large(1001, 'x');
  const WriteResponse response = SendV1(One({{"__name__", large}}));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.error, HasSubstr("1000 bytes"));
}

TEST_F(WriteHandlerTest, BrokenMessagesWriteNothing) {
  const std::string good = One({{"__name__", "up"}});
  EXPECT_EQ(Send("not snappy").status, 400);
  EXPECT_EQ(SendV1(good + "\x0a\x7f").status, 400);
  // A label that is broken inside is found when its series is resolved.
  EXPECT_EQ(SendV1(good + "\x0a\x05\x0a\x03\x0a\x09"
                          "a")
                .status,
            400);
  // A histogram that is broken inside.
  EXPECT_EQ(SendV1(good + "\x0a\x13\x0a\x0d\x0a\x08__name__\x12\x01h\x22\x02\x5a\x09").status, 400);
  EXPECT_THAT(store_.written, IsEmpty());
  EXPECT_GE(store_.rollbacks, 3);
}

TEST_F(WriteHandlerTest, AKnownSeriesIsNotResolvedAgain) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(SendV1(One({{"__name__", "up"}, {"job", "a"}}, i)).status, 204);
  }
  EXPECT_EQ(store_.resolved, 1);
  EXPECT_THAT(store_.written, ElementsAre("up{job=\"a\"} 1.000000 @0", "up{job=\"a\"} 1.000000 @1",
                                          "up{job=\"a\"} 1.000000 @2"));
}

TEST_F(WriteHandlerTest, LabelsAreBroughtIntoOrder) {
  std::string message = One({{"job", "a"}, {"__name__", "up"}, {"empty", ""}});
  EXPECT_EQ(SendV1(message).status, 204);
  EXPECT_EQ(SendV1(One({{"__name__", "up"}, {"job", "a"}}, 1)).status, 204);
  EXPECT_THAT(store_.written,
              ElementsAre("up{job=\"a\"} 1.000000 @0", "up{job=\"a\"} 1.000000 @1"));
}

TEST_F(WriteHandlerTest, LabelsAfterTheSampleAreLabelsToo) {
  const std::string usual = One({{"__name__", "up"}, {"job", "a"}});
  // The same TimeSeries with its sample first.
  const size_t body_at = 2, sample_size = 2 + 9 + 7;
  const std::string labels = usual.substr(body_at, usual.size() - body_at - sample_size);
  const std::string sample = usual.substr(usual.size() - sample_size);
  EXPECT_EQ(SendV1(usual.substr(0, body_at) + sample + labels).status, 204);
  EXPECT_THAT(store_.written, ElementsAre("up{job=\"a\"} 1.000000 @0"));
}

TEST_F(WriteHandlerTest, VersionOneSkipsSeriesWithInvalidLabels) {
  const auto f = [&](std::vector<Label> labels) {
    store_.written.clear();
    std::string message = One(labels);
    Add(&message, {{"__name__", "good"}}, 0, 1);
    const double before = Metric("prometheus_api_remote_write_invalid_labels_samples_total");
    EXPECT_EQ(SendV1(message).status, 204);
    EXPECT_THAT(store_.written, ElementsAre("good 1.000000 @0"));
    EXPECT_EQ(Metric("prometheus_api_remote_write_invalid_labels_samples_total"), before + 1);
  };
  f({});
  f({{"job", "a"}});
  f({{"__name__", ""}});
  f({{"__name__", "a"}, {"", "x"}});
  f({{"__name__", "a\xff"}});
  f({{"__name__", "a"}, {"b", "\xff"}});
  f({{"__name__", "a"}, {"\xff", "b"}});
  f({{"__name__", "a"}, {"b", "1"}, {"b", "2"}});
  f({{"__name__", "a"}, {"b", "1"}, {"b", ""}});
}

TEST_F(WriteHandlerTest, GoodSamplesAreKeptBesideBadOnesAndTheBadAreNamed) {
  store_.verdict = [](const std::string& series, model::Timestamp) {
    if (series == "late") return AppendOutcome::kOutOfOrder;
    if (series == "again") return AppendOutcome::kDuplicate;
    if (series == "twice") return AppendOutcome::kDuplicateTimestamp;
    return AppendOutcome::kAppended;
  };
  std::string message;
  for (const char* name : {"good", "late", "again", "twice", "fine"}) {
    Add(&message, {{"__name__", name}}, 0, 1);
  }
  Add(&message, {{"__name__", "future"}}, 10 * 60 * 1000, 1);
  Add(&message, {{"__name__", "future"}}, 10 * 60 * 1000 + 1, 1);
  const WriteResponse response = SendV1(message);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.samples_written, 4u);
  EXPECT_EQ(response.error,
            "sample too far in the future for series {__name__=\"future\"} at 1700000600001\n"
            "out of order sample for series {__name__=\"late\"} at 1700000000000\n"
            "duplicate sample for timestamp for series {__name__=\"twice\"} at 1700000000000");
  EXPECT_THAT(store_.written,
              ElementsAre("good 1.000000 @0", "fine 1.000000 @0", "future 1.000000 @600000"));
  EXPECT_EQ(
      Metric(R"(tributary_remote_write_rejected_samples_total{reason="out of order sample"})"), 1);
}

TEST_F(WriteHandlerTest, TheAnswerStaysShort) {
  store_.verdict = [](const std::string&, model::Timestamp) { return AppendOutcome::kTooOld; };
  std::string message;
  for (int i = 0; i < 20'000; ++i) {
    Add(&message, {{"__name__", "m"}, {"i", std::to_string(i)}}, 0, 1);
  }
  const WriteResponse response = SendV1(message);
  EXPECT_EQ(response.status, 400);
  EXPECT_LT(response.error.size(), 2000u);
  EXPECT_THAT(response.error, HasSubstr("too old sample: 19990 more"));
}

TEST_F(WriteHandlerTest, AForgottenSeriesIsResolvedOnceMore) {
  const std::string message = One({{"__name__", "up"}});
  EXPECT_EQ(SendV1(message).status, 204);
  store_.Forget();
  EXPECT_EQ(SendV1(message).status, 204);
  EXPECT_EQ(store_.resolved, 2);
  EXPECT_EQ(SendV1(message).status, 204);
  EXPECT_EQ(store_.resolved, 2);  // the cache learned the new number
  EXPECT_EQ(store_.written.size(), 3u);
}

TEST_F(WriteHandlerTest, StaleMarkersArrive) {
  EXPECT_EQ(SendV1(One({{"__name__", "up"}}, 0, model::StaleNaN())).status, 204);
  EXPECT_THAT(store_.written, ElementsAre("up stale @0"));
}

TEST_F(WriteHandlerTest, StoreFailuresHaveTheirStatus) {
  const auto f = [&](base::Error error, int status, bool retry) {
    store_.commit_status = error;
    WriteResponse response = SendV1(One({{"__name__", "up"}}));
    EXPECT_EQ(response.status, status) << error.message();
    EXPECT_EQ(response.retry_after_seconds > 0, retry);
    EXPECT_EQ(response.error, error.message());
    store_.commit_status = base::OkStatus();
    store_.create_status = error;
    store_.Forget();
    response = SendV1(One({{"__name__", "new" + std::to_string(++names_)}}));
    EXPECT_EQ(response.status, status) << error.message();
    store_.create_status = base::OkStatus();
    EXPECT_THAT(store_.written, IsEmpty());
  };
  f(base::Error(base::ErrorCode::kNoSpace, "disk full"), 503, true);
  f(base::Unavailable("shutting down"), 503, true);
  f(base::IoError("broken disk"), 500, false);
  f(base::Internal("bug"), 500, false);
}

TEST_F(WriteHandlerTest, ASeriesLimitRejectsOnlyNewSeries) {
  EXPECT_EQ(SendV1(One({{"__name__", "old"}})).status, 204);
  store_.create_status = base::ResourceExhausted("limit of 1 series reached");
  std::string message = One({{"__name__", "old"}}, 1);
  Add(&message, {{"__name__", "new"}}, 1, 1);
  const WriteResponse response = SendV1(message);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.error, "limit of 1 series reached for series {__name__=\"new\"}");
  EXPECT_THAT(store_.written, ElementsAre("old 1.000000 @0", "old 1.000000 @1"));
}

TEST_F(WriteHandlerTest, HistogramsAndExemplarsArePassedOn) {
  model::Histogram h;
  h.schema = 1;
  h.count = 3;
  h.sum = 4;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, 1};
  model::Histogram bad = h;
  bad.count = 99;
  model::FloatHistogram fh;
  fh.count = 0.5;
  model::Exemplar exemplar;
  exemplar.labels = model::Labels::Of({{"trace_id", "x"}});
  exemplar.t = kNow + 3;
  exemplar.has_timestamp = true;
  std::string message;
  wire::WriteEncoderV1 encoder(&message);
  const Label labels[] = {{"__name__", "h"}};
  encoder.AddHistogram(labels, kNow + 1, h);
  encoder.AddHistogram(labels, kNow + 2, fh);
  encoder.AddHistogram(labels, kNow + 4, bad);
  encoder.AddExemplar(labels, exemplar);
  const WriteResponse response = SendV1(message);
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.error,
              HasSubstr("invalid histogram for series {__name__=\"h\"} at 1700000000004: "));
  EXPECT_EQ(response.histograms_written, 2u);
  EXPECT_EQ(response.exemplars_written, 1u);
  EXPECT_THAT(store_.written, ElementsAre("h histogram 3/1 @1", "h float histogram 0.500000 @2",
                                          "h exemplar {trace_id=\"x\"} @3"));
}

TEST_F(WriteHandlerTest, ASchemaFinerThanTheStoreKeepsIsCoarsened) {
  model::Histogram h;
  h.schema = 10;
  h.count = 2;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, 0};
  std::string message;
  const Label labels[] = {{"__name__", "h"}};
  wire::WriteEncoderV1(&message).AddHistogram(labels, kNow, h);
  EXPECT_EQ(SendV1(message).status, 204);
  EXPECT_THAT(store_.written, ElementsAre("h histogram 2/8 @0"));
}

TEST_F(WriteHandlerTest, VersionTwoSaysWhatWasWritten) {
  wire::WriteEncoderV2 encoder;
  const Label up[] = {{"__name__", "up"}, {"job", "a"}};
  const Label nameless[] = {{"job", "a"}};
  const Label repeated[] = {{"__name__", "x"}, {"a", "1"}, {"a", "2"}};
  const model::Metadata metadata{model::MetricType::kGauge, "Is it up?", "bool"};
  encoder.AddSample(up, {.t = kNow, .v = 1}, &metadata);
  encoder.AddSample(nameless, {.t = kNow, .v = 1});
  encoder.AddSample(repeated, {.t = kNow, .v = 1});
  model::Exemplar exemplar;
  exemplar.labels = model::Labels::Of({{"trace_id", "x"}});
  exemplar.t = kNow;
  exemplar.has_timestamp = true;
  encoder.AddExemplar(up, exemplar);
  const WriteResponse response = SendV2(encoder);
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(response.has_written);
  EXPECT_EQ(response.samples_written, 1u);
  EXPECT_EQ(response.exemplars_written, 1u);
  EXPECT_EQ(response.error,
            "no metric name for series {job=\"a\"}\n"
            "duplicated label \"a\" for series {__name__=\"x\", a=\"1\", a=\"2\"}");
  EXPECT_THAT(store_.written,
              ElementsAre("up{job=\"a\"} 1.000000 @0", "up{job=\"a\"} exemplar {trace_id=\"x\"} @0",
                          "up{job=\"a\"} gauge/Is it up?/bool @" + std::to_string(-kNow)));
  EXPECT_EQ(Metric("prometheus_api_remote_write_invalid_labels_samples_total"), 2);
}

TEST_F(WriteHandlerTest, VersionTwoTellsTheStoreMetadataOnceAndAgainWhenItChanges) {
  const Label up[] = {{"__name__", "up"}};
  const auto send = [&](const model::Metadata& metadata) {
    store_.written.clear();
    wire::WriteEncoderV2 encoder;
    encoder.AddSample(up, {.t = kNow, .v = 1}, &metadata);
    EXPECT_EQ(SendV2(encoder).status, 204);
    return store_.written.size() == 2;
  };
  EXPECT_TRUE(send({model::MetricType::kGauge, "h", ""}));
  EXPECT_FALSE(send({model::MetricType::kGauge, "h", ""}));
  EXPECT_TRUE(send({model::MetricType::kCounter, "h", ""}));
  EXPECT_TRUE(send({model::MetricType::kCounter, "", "h"}));
  // What was not committed was not told.
  store_.commit_status = base::Internal("no");
  wire::WriteEncoderV2 encoder;
  const model::Metadata metadata{model::MetricType::kSummary, "h", ""};
  encoder.AddSample(up, {.t = kNow, .v = 1}, &metadata);
  EXPECT_EQ(SendV2(encoder).status, 500);
  store_.commit_status = base::OkStatus();
  EXPECT_TRUE(send(metadata));
}

// Also where samples before theirs are not taken, and where the store has forgotten the series.
TEST_F(WriteHandlerTest, StartTimestampsGoToTheStoreWithTheirSamples) {
  const Label a[] = {{"__name__", "a"}}, b[] = {{"__name__", "b"}}, c[] = {{"__name__", "c"}};
  const Label invalid[] = {{"job", "x"}};
  model::Histogram h;
  h.count = 3;
  h.zero_count = 3;
  const auto send = [&] {
    store_.written.clear();
    wire::WriteEncoderV2 encoder;
    encoder.AddSample(invalid, {.t = kNow, .v = 1, .start = kNow - 9});
    encoder.AddSample(a, {.t = kNow, .v = 1});
    encoder.AddSample(b, {.t = kNow, .v = 2, .start = kNow - 5});
    encoder.AddHistogram(c, kNow, h, kNow - 7);
    SendV2(encoder);
    return store_.written;
  };
  EXPECT_THAT(send(), ElementsAre("a 1.000000 @0", "b 2.000000 @0", "c histogram 3/0 @0"));
  WriteHandlerOptions options;
  options.keep_starts = true;
  base::MetricsRegistry metrics;
  handler_ = WriteHandler::Create(options, store_, clock_, metrics);
  const auto want =
      ElementsAre("a 1.000000 @0", "b 2.000000 @0 since -5", "c histogram 3/0 @0 since -7");
  EXPECT_THAT(send(), want);
  store_.Forget();
  EXPECT_THAT(send(), want);
  handler_.reset();  // before its metrics
}

TEST_F(WriteHandlerTest, KnowsTheFamiliesItWasToldOf) {
  std::string message;
  wire::WriteEncoderV1 one(&message);
  one.AddMetadata({model::MetricType::kGauge, "up", "h", ""});
  one.AddMetadata({model::MetricType::kCounter, "x_total", "first", "s"});
  one.AddMetadata({model::MetricType::kCounter, "x_total", "second", "s"});
  EXPECT_EQ(SendV1(message).status, 204);
  const Label buckets[] = {{"__name__", "d_bucket"}, {"le", "1"}};
  const Label total[] = {{"__name__", "y_sum"}};
  const model::Metadata histogram{model::MetricType::kHistogram, "d", ""};
  const model::Metadata gauge{model::MetricType::kGauge, "y", ""};
  wire::WriteEncoderV2 two;
  two.AddSample(buckets, {.t = kNow, .v = 1}, &histogram);
  two.AddSample(total, {.t = kNow, .v = 1}, &gauge);
  EXPECT_EQ(SendV2(two).status, 204);
  const std::vector<std::pair<std::string, model::Metadata>> expected = {
      {"d", histogram},
      {"up", {model::MetricType::kGauge, "h", ""}},
      {"x_total", {model::MetricType::kCounter, "second", "s"}},
      {"y_sum", gauge}};
  EXPECT_EQ(handler_->Families(), expected);
}

TEST_F(WriteHandlerTest, VersionTwoNamesBadReferencesAndEmptySeries) {
  using wire::PutBytes;
  std::string message, refs;
  for (const char* symbol : {"", "__name__", "up"}) PutBytes(&message, 4, symbol);
  const auto series = [&](std::string_view packed, bool sample) {
    std::string body, value;
    PutBytes(&body, 1, packed);
    wire::PutVarint(&value, 2, kNow);
    if (sample) PutBytes(&body, 2, value);
    PutBytes(&message, 5, body);
  };
  series("\x01", true);
  series("\x01\x07", true);
  series("\x01\x02", false);
  series("\x01\x02", true);
  const WriteResponse response = Send(Snappy(message), kV2);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.samples_written, 1u);
  EXPECT_EQ(response.error,
            "odd number of label refs for a series of 1 label refs\n"
            "label ref outside of the symbol table for a series of 2 label refs\n"
            "TimeSeries must contain at least one sample or histogram for series "
            "{__name__=\"up\"}");
  EXPECT_THAT(store_.written, ElementsAre("up 0.000000 @0"));
}

TEST_F(WriteHandlerTest, BothVersionsMeanTheSameSeries) {
  EXPECT_EQ(SendV1(One({{"__name__", "up"}, {"job", "a"}})).status, 204);
  wire::WriteEncoderV2 encoder;
  const Label up[] = {{"__name__", "up"}, {"job", "a"}};
  encoder.AddSample(up, {.t = kNow + 1, .v = 2});
  EXPECT_EQ(SendV2(encoder).status, 204);
  encoder.Reset();
  // Other symbol numbers, another pairing.
  const Label other[] = {{"__name__", "job"}, {"up", "a"}};
  encoder.AddSample(other, {.t = kNow, .v = 3});
  encoder.AddSample(up, {.t = kNow + 2, .v = 2});
  EXPECT_EQ(SendV2(encoder).status, 204);
  EXPECT_THAT(store_.written,
              ElementsAre("up{job=\"a\"} 1.000000 @0", "up{job=\"a\"} 2.000000 @1",
                          "job{up=\"a\"} 3.000000 @0", "up{job=\"a\"} 2.000000 @2"));
}

TEST_F(WriteHandlerTest, OneSeriesMayBringMoreThanABatch) {
  std::string body, message;
  wire::WriteEncoderV1::EncodeLabels(std::vector<Label>{{"__name__", "m"}}, &body);
  constexpr int kSamples = 50'000;
  for (int i = 0; i < kSamples; ++i) {
    std::string sample;
    wire::PutDouble(&sample, 1, i);
    wire::PutVarint(&sample, 2, static_cast<uint64_t>(kNow - kSamples + i));
    wire::PutBytes(&body, 2, sample);
  }
  wire::PutBytes(&message, 1, body);
  const WriteResponse response = SendV1(message);
  EXPECT_EQ(response.status, 204) << response.error;
  EXPECT_EQ(response.samples_written, static_cast<uint64_t>(kSamples));
  EXPECT_EQ(store_.resolved, 1);
}

TEST_F(WriteHandlerTest, ManyThreadsWriteAtOnce) {
  constexpr int kThreads = 4, kRounds = 30, kSeries = 300;
  std::atomic<int> bad = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int round = 0; round < kRounds; ++round) {
          std::string message;
          for (int i = 0; i < kSeries; ++i) {
            Add(&message, {{"__name__", "m"}, {"i", std::to_string(i % (100 + thread * 50))}},
                round * kThreads + thread, 1);
          }
          if (SendV1(message).status != 204) ++bad;
          if (round % 10 == 9) clock_.Advance(20 * 60 * 1000);  // a new generation
        }
      });
    }
  }
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(store_.written.size(), static_cast<size_t>(kThreads * kRounds * kSeries));
}

}  // namespace
}  // namespace tributary::remote
