#include "scrape/scrape_writer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "model/float_histogram.h"

namespace tributary::scrape {
namespace {

// Samples further in the future than this are dropped and counted.
constexpr int64_t kMaxAheadMs = 10 * 60 * 1000;

enum Report : size_t {
  kUp,
  kDuration,
  kScraped,
  kPostRelabel,
  kAdded,
  kTimeout,
  kSampleLimit,
  kBodySize,
};

// Scratch of the thread that writes a page; pages are written on pool threads, one at a time each.
struct Scratch {
  std::vector<storage::RefSample> samples;
  storage::Starts starts;  // of samples
  std::vector<storage::AppendOutcome> outcomes;
  std::vector<model::Label> labels;
  std::vector<model::Label> built;
  std::vector<model::Exemplar> exemplars;
  model::Histogram histogram;
  model::FloatHistogram float_histogram;
};

Scratch& ThreadScratch() {
  thread_local Scratch scratch;
  return scratch;
}

// The finest schema whose buckets grow at least by `factor`.
int32_t SchemaOfFactor(double factor) {
  if (factor <= 1) {
    return model::kMaxExponentialSchema;
  }
  const double schema = std::floor(-std::log2(std::log2(factor)));
  return static_cast<int32_t>(
      std::clamp<double>(schema, model::kMinExponentialSchema, model::kMaxExponentialSchema));
}

// Merges buckets until the histogram is no finer than `max_schema` and has at most `max_buckets`
// (0: any number). False: it cannot be made that small.
template <class H>
base::Result<bool> Coarsen(H* h, int32_t max_schema, uint64_t max_buckets) {
  if (h->schema <= max_schema &&
      (max_buckets == 0 ||
       h->positive_buckets.size() + h->negative_buckets.size() <= max_buckets)) {
    return true;
  }
  RETURN_IF_ERROR(model::Validate(*h));
  const bool exponential = !model::UsesCustomBuckets(*h);
  if (exponential && h->schema > max_schema) {
    RETURN_IF_ERROR(model::ReduceResolution(h, max_schema));
  }
  while (max_buckets > 0 && h->positive_buckets.size() + h->negative_buckets.size() > max_buckets) {
    if (!exponential || h->schema <= model::kMinExponentialSchema) {
      return false;
    }
    RETURN_IF_ERROR(model::ReduceResolution(h, h->schema - 1));
  }
  return true;
}

}  // namespace

ScrapeWriter::ScrapeWriter(const config::ScrapeConfig& config, const PageOptions& options,
                           const model::Labels& target_labels, storage::Appendable& storage,
                           Probe& probe, FamilyCache& families, Shedding& shedding)
    : config_(config),
      options_(options),
      max_schema_(SchemaOfFactor(config.limits.native_histogram_min_bucket_factor)),
      storage_(storage),
      probe_(probe),
      shedding_(shedding),
      sample_labels_(config, target_labels),
      families_(families) {}

base::Status ScrapeWriter::Write(const Page& page) {
  base::Status scrape_status;
  auto attempt = TryWrite(page, &scrape_status);
  if (attempt && *attempt == Attempt::kForgetAndRetry) {
    lines_.Clear();
    report_refs_ = {};
    attempt = TryWrite(page, &scrape_status);
  }
  if (!attempt) {
    return attempt.error();
  }
  return scrape_status;
}

base::Result<ScrapeWriter::Attempt> ScrapeWriter::TryWrite(const Page& page,
                                                           base::Status* scrape_status) {
  Scratch& scratch = ThreadScratch();
  scratch.samples.clear();
  scratch.starts.clear();
  Counts counts;
  forgotten_ = false;
  lines_.Begin();
  auto app = storage_.NewAppender();
  *scrape_status = page.fetched;
  if (page.fetched) {
    *scrape_status = ReadPage(page, app.get(), &counts);
  }
  const auto mark_stale = [&](model::SeriesRef ref) {
    scratch.samples.push_back({ref, page.t, model::StaleNaN()});
  };
  if (*scrape_status) {
    lines_.ForEachVanished(mark_stale);
  } else {
    app->Rollback();
    app = storage_.NewAppender();
    scratch.samples.clear();
    scratch.starts.clear();
    lines_.ForEachLive(mark_stale);
  }
  const size_t page_samples = scratch.samples.size();
  RETURN_IF_ERROR(AddReport(page, scrape_status->has_value(), counts, app.get()));
  ASSIGN_OR_RETURN(const bool known, AppendStaged(page_samples, app.get()));
  if (!known) {
    app->Rollback();
    return Attempt::kForgetAndRetry;
  }
  RETURN_IF_ERROR(app->Commit());
  if (*scrape_status) {
    lines_.Commit();
    num_series_.store(lines_.size());
    RETURN_IF_ERROR(CollectFamilies(page));
  } else {
    lines_.Fail();
  }
  return Attempt::kDone;
}

base::Status ScrapeWriter::ReadPage(const Page& page, storage::Appender* app, Counts* counts) {
  families_.Begin();
  over_bucket_limit_ = false;
  if (page.body.empty()) {
    return {};  // a page without samples is a good page
  }
  ASSIGN_OR_RETURN(auto parser, ParserFor(page.content_type, options_, page.body));
  const uint64_t created_before = app->stats().series_created;
  while (true) {
    ReadKnown(parser.get(), page, counts);
    const std::string_view rest = parser->rest();
    ASSIGN_OR_RETURN(const wire::EntryKind kind, parser->Next());
    switch (kind) {
      case wire::EntryKind::kEnd:
        counts->added = app->stats().series_created - created_before;
        if (config_.limits.sample_limit > 0 && counts->appended > config_.limits.sample_limit) {
          probe_.exceeded_sample_limit.Add();
          return base::ResourceExhausted("sample limit exceeded");
        }
        if (over_bucket_limit_) {
          probe_.exceeded_bucket_limit.Add();
          return base::ResourceExhausted("histogram bucket limit exceeded");
        }
        return {};
      case wire::EntryKind::kSample:
      case wire::EntryKind::kHistogram:
        RETURN_IF_ERROR(OnEntry(parser.get(), kind, page, app, counts));
        break;
      default:
        // Only a line that the entry began right away can be recognised by its bytes.
        families_.Note(
            *parser, kind,
            rest.starts_with('#') ? rest.substr(0, rest.size() - parser->rest().size()) : "");
    }
  }
}

void ScrapeWriter::ReadKnown(wire::ExpositionParser* parser, const Page& page, Counts* counts) {
  std::vector<storage::RefSample>& samples = ThreadScratch().samples;
  wire::KnownSample sample;
  sample.rest = parser->rest();
  while (!sample.rest.empty()) {
    if (sample.rest.front() == '#') {
      if (!families_.PassKnown(parser)) {
        return;
      }
      sample.rest = parser->rest();
      continue;
    }
    LineCache::Line* line = lines_.Expected(sample.rest);
    if (line == nullptr || !parser->NextKnown(line->size, &sample)) {
      return;
    }
    ++counts->scraped;
    if (const auto t = Take(line, sample.timestamp, page, counts)) {
      const storage::RefSample taken{line->ref, *t, sample.value};
      samples.push_back(taken);  // g++ makes a call of it where it is given a temporary
    }
  }
}

base::Status ScrapeWriter::OnEntry(wire::ExpositionParser* parser, wire::EntryKind kind,
                                   const Page& page, storage::Appender* app, Counts* counts) {
  ++counts->scraped;
  const std::string_view text = parser->series_text();
  const uint64_t hash = LineCache::Hash(text);
  LineCache::Line* line = lines_.Find(hash, text.size());
  if (line == nullptr) {
    if (throttled_.load(std::memory_order_relaxed)) {
      shedding_.samples.Add();
      return {};
    }
    ASSIGN_OR_RETURN(const model::SeriesRef ref, NewSeries(parser, app));
    line = &lines_.Add(hash, text.size(), ref);
  }
  const auto t = Take(line, parser->timestamp(), page, counts);
  if (!t) {
    return {};
  }
  const model::SeriesRef ref = line->ref;
  const model::Timestamp start = options_.keep_starts ? parser->start_timestamp() : 0;
  if (kind == wire::EntryKind::kHistogram) {
    if (base::Status status = TakeHistogram(parser, ref, *t, start, app); !status) {
      --counts->kept;
      return status;
    }
  } else {
    Scratch& scratch = ThreadScratch();
    scratch.starts.Set(scratch.samples.size(), start);
    scratch.samples.push_back({ref, *t, parser->value()});
  }
  TakeExemplars(parser, ref, *t, app);
  return {};
}

inline std::optional<model::Timestamp> ScrapeWriter::Take(LineCache::Line* line,
                                                          std::optional<model::Timestamp> timestamp,
                                                          const Page& page, Counts* counts) {
  if (!config_.honor_timestamps) {
    timestamp.reset();
  }
  const bool repeated = lines_.SeenNow(*line);
  if (!repeated) {
    lines_.MarkSeen(line, !timestamp || config_.track_timestamps_staleness);
  }
  if (line->ref.value() == 0) {
    return std::nullopt;
  }
  ++counts->kept;
  if (repeated && !timestamp) {
    probe_.sample_duplicate.Add();
    return std::nullopt;
  }
  ++counts->appended;
  const model::Timestamp t = timestamp.value_or(page.t);
  if (t > page.now_ms + kMaxAheadMs) {
    probe_.sample_out_of_bounds.Add();
    return std::nullopt;
  }
  return t;
}

base::Status ScrapeWriter::TakeHistogram(wire::ExpositionParser* parser, model::SeriesRef ref,
                                         model::Timestamp t, model::Timestamp start,
                                         storage::Appender* app) {
  Scratch& scratch = ThreadScratch();
  bool is_float = false;
  if (!parser->Histogram(&scratch.histogram, &scratch.float_histogram, &is_float)) {
    return {};
  }
  const uint64_t max_buckets = config_.limits.native_histogram_bucket_limit;
  const base::Result<bool> fits = is_float
                                      ? Coarsen(&scratch.float_histogram, max_schema_, max_buckets)
                                      : Coarsen(&scratch.histogram, max_schema_, max_buckets);
  RETURN_IF_ERROR(fits);
  if (!*fits) {
    over_bucket_limit_ = true;
    return {};
  }
  switch (is_float ? app->AppendHistogramWithStart(ref, t, start, scratch.float_histogram)
                   : app->AppendHistogramWithStart(ref, t, start, scratch.histogram)) {
    case storage::AppendOutcome::kUnknownSeries:
      forgotten_ = true;
      return {};
    case storage::AppendOutcome::kInvalid:
      return base::InvalidArgument("invalid native histogram");
    case storage::AppendOutcome::kOutOfOrder:
      probe_.sample_out_of_order.Add();
      return {};
    case storage::AppendOutcome::kDuplicateTimestamp:
      probe_.sample_duplicate.Add();
      return {};
    case storage::AppendOutcome::kOutOfBounds:
    case storage::AppendOutcome::kTooOld:
    case storage::AppendOutcome::kTooFarInFuture:
      probe_.sample_out_of_bounds.Add();
      return {};
    case storage::AppendOutcome::kAppended:
    case storage::AppendOutcome::kDuplicate:
      return {};
  }
  return {};
}

void ScrapeWriter::TakeExemplars(wire::ExpositionParser* parser, model::SeriesRef ref,
                                 model::Timestamp t, storage::Appender* app) {
  std::vector<model::Exemplar>& exemplars = ThreadScratch().exemplars;
  exemplars.clear();
  model::Exemplar exemplar;
  for (size_t i = 0; parser->Exemplar(i, &exemplar); ++i) {
    if (!exemplar.has_timestamp) {
      exemplar.t = t;
      exemplar.has_timestamp = true;
    }
    exemplars.push_back(exemplar);
  }
  std::stable_sort(exemplars.begin(), exemplars.end(),
                   [](const auto& a, const auto& b) { return a.t < b.t; });
  for (const model::Exemplar& one : exemplars) {
    app->AppendExemplar(ref, one);
  }
}

base::Result<model::SeriesRef> ScrapeWriter::NewSeries(wire::ExpositionParser* parser,
                                                       storage::Appender* app) {
  Scratch& scratch = ThreadScratch();
  scratch.labels.clear();
  RETURN_IF_ERROR(parser->Labels(&scratch.labels));
  scratch.built.clear();
  auto kept = sample_labels_.Build(scratch.labels, &scratch.built);
  if (!kept) {
    if (kept.error().code() == base::ErrorCode::kResourceExhausted) {
      probe_.exceeded_label_limits.Add();
    }
    return kept.error();
  }
  if (!*kept) {
    return model::SeriesRef();
  }
  return app->GetOrCreate(scratch.built, model::HashLabels(scratch.built));
}

base::Status ScrapeWriter::CollectFamilies(const Page& page) {
  if (shedding_.level() >= Shedding::Level::kMetadata) {
    if (families_.Forget()) shedding_.metadata.Add();
    return {};
  }
  if (page.body.empty() || !families_.Changed()) {
    return {};
  }
  ASSIGN_OR_RETURN(auto parser, ParserFor(page.content_type, options_, page.body));
  families_.Collect(parser.get());
  return {};
}

base::Status ScrapeWriter::AddReport(const Page& page, bool up, const Counts& counts,
                                     storage::Appender* app) {
  const auto add = [&](Report which, std::string_view name, double v) {
    return AddReportSample(which, name, page.t, v, app);
  };
  RETURN_IF_ERROR(add(kUp, "up", up ? 1 : 0));
  RETURN_IF_ERROR(add(kDuration, "scrape_duration_seconds", page.duration_seconds));
  RETURN_IF_ERROR(add(kScraped, "scrape_samples_scraped", static_cast<double>(counts.scraped)));
  RETURN_IF_ERROR(
      add(kPostRelabel, "scrape_samples_post_metric_relabeling", static_cast<double>(counts.kept)));
  RETURN_IF_ERROR(add(kAdded, "scrape_series_added", static_cast<double>(counts.added)));
  if (config_.extra_scrape_metrics) {
    RETURN_IF_ERROR(
        add(kTimeout, "scrape_timeout_seconds", static_cast<double>(page.timeout_ms) / 1000));
    RETURN_IF_ERROR(
        add(kSampleLimit, "scrape_sample_limit", static_cast<double>(config_.limits.sample_limit)));
    const bool too_large =
        !page.fetched && page.fetched.error().code() == base::ErrorCode::kResourceExhausted;
    RETURN_IF_ERROR(add(kBodySize, "scrape_body_size_bytes",
                        too_large ? -1 : static_cast<double>(page.body.size())));
  }
  return {};
}

base::Status ScrapeWriter::AddReportSample(size_t which, std::string_view name, model::Timestamp t,
                                           double v, storage::Appender* app) {
  model::SeriesRef& ref = report_refs_[which];
  if (ref.value() == 0) {
    std::vector<model::Label>& labels = ThreadScratch().built;
    labels.clear();
    sample_labels_.BuildReport(name, &labels);
    ASSIGN_OR_RETURN(ref, app->GetOrCreate(labels, model::HashLabels(labels)));
  }
  ThreadScratch().samples.push_back({ref, t, v});
  return {};
}

base::Result<bool> ScrapeWriter::AppendStaged(size_t page_samples, storage::Appender* app) {
  if (forgotten_) {
    return false;
  }
  Scratch& scratch = ThreadScratch();
  scratch.outcomes.resize(scratch.samples.size());
  app->RejectLateStaleMarkers();
  app->AppendWithStarts(scratch.samples, scratch.starts, scratch.outcomes);
  uint64_t out_of_order = 0, duplicate = 0, out_of_bounds = 0;
  for (size_t i = 0; i < scratch.outcomes.size(); ++i) {
    switch (scratch.outcomes[i]) {
      case storage::AppendOutcome::kAppended:
      case storage::AppendOutcome::kDuplicate:
        break;
      case storage::AppendOutcome::kUnknownSeries:
        return false;
      default:
        // Report series and staleness markers may be late without being anybody's fault.
        if (i >= page_samples || model::IsStaleNaN(scratch.samples[i].v)) {
          break;
        }
        out_of_order += scratch.outcomes[i] == storage::AppendOutcome::kOutOfOrder;
        duplicate += scratch.outcomes[i] == storage::AppendOutcome::kDuplicateTimestamp;
        out_of_bounds += scratch.outcomes[i] == storage::AppendOutcome::kOutOfBounds ||
                         scratch.outcomes[i] == storage::AppendOutcome::kTooOld ||
                         scratch.outcomes[i] == storage::AppendOutcome::kTooFarInFuture;
        break;
    }
  }
  if (out_of_order > 0) {
    probe_.sample_out_of_order.Add(static_cast<double>(out_of_order));
    LOG_WARN("error on ingesting out-of-order samples", kv("num_dropped", out_of_order));
  }
  if (duplicate > 0) {
    probe_.sample_duplicate.Add(static_cast<double>(duplicate));
    LOG_WARN("error on ingesting samples with different value but same timestamp",
             kv("num_dropped", duplicate));
  }
  if (out_of_bounds > 0) {
    probe_.sample_out_of_bounds.Add(static_cast<double>(out_of_bounds));
    LOG_WARN("error on ingesting samples that are too old or are too far into the future",
             kv("num_dropped", out_of_bounds));
  }
  return true;
}

void ScrapeWriter::WriteEndOfRun(model::Timestamp t) {
  Scratch& scratch = ThreadScratch();
  scratch.samples.clear();
  const auto mark_stale = [&](model::SeriesRef ref) {
    scratch.samples.push_back({ref, t, model::StaleNaN()});
  };
  lines_.ForEachLive(mark_stale);
  for (const model::SeriesRef ref : report_refs_) {
    if (ref.value() != 0) {
      mark_stale(ref);
    }
  }
  if (scratch.samples.empty()) {
    return;
  }
  // A loop that took over meanwhile has newer samples; then these are out of order, and dropped.
  scratch.outcomes.resize(scratch.samples.size());
  auto app = storage_.NewAppender();
  app->RejectLateStaleMarkers();
  app->Append(scratch.samples, scratch.outcomes);
  if (auto status = app->Commit(); !status) {
    LOG_WARN("staleness markers of a removed target not stored", kv("err", status.error()));
  }
}

}  // namespace tributary::scrape
