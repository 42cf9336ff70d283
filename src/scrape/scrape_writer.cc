#include "scrape/scrape_writer.h"

#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "scrape/exposition.h"

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
  std::vector<storage::AppendOutcome> outcomes;
  std::vector<model::Label> labels;
  std::vector<model::Label> built;
};

Scratch& ThreadScratch() {
  thread_local Scratch scratch;
  return scratch;
}

}  // namespace

ScrapeWriter::ScrapeWriter(const config::ScrapeConfig& config, const model::Labels& target_labels,
                           storage::Appendable& storage, Probe& probe, FamilyCache& families)
    : config_(config),
      storage_(storage),
      probe_(probe),
      family_cache_(families),
      sample_labels_(config, target_labels) {}

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
  Counts counts;
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
    FinishFamilies();
  } else {
    lines_.Fail();
  }
  return Attempt::kDone;
}

base::Status ScrapeWriter::ReadPage(const Page& page, storage::Appender* app, Counts* counts) {
  page_families_.clear();
  page_families_hash_ = 0;
  if (page.body.empty()) {
    return {};  // a page without samples is a good page
  }
  ASSIGN_OR_RETURN(auto parser,
                   ParserFor(page.content_type, config_.fallback_scrape_protocol, page.body));
  const uint64_t created_before = app->stats().series_created;
  while (true) {
    ASSIGN_OR_RETURN(const wire::EntryKind kind, parser->Next());
    switch (kind) {
      case wire::EntryKind::kEnd:
        counts->added = app->stats().series_created - created_before;
        if (config_.limits.sample_limit > 0 && counts->kept > config_.limits.sample_limit) {
          probe_.exceeded_sample_limit.Add();
          return base::ResourceExhausted("sample limit exceeded");
        }
        return {};
      case wire::EntryKind::kSample:
        RETURN_IF_ERROR(OnSample(parser.get(), page, app, counts));
        break;
      case wire::EntryKind::kType:
      case wire::EntryKind::kHelp:
      case wire::EntryKind::kUnit:
        OnFamily(*parser, kind);
        break;
      default:
        break;
    }
  }
}

base::Status ScrapeWriter::OnSample(wire::ExpositionParser* parser, const Page& page,
                                    storage::Appender* app, Counts* counts) {
  ++counts->scraped;
  const std::string_view text = parser->series_text();
  const base::Hash128 hash = base::HashTo128(text, base::ProcessSeed());
  LineCache::Line* line = lines_.Find(hash);
  if (line == nullptr) {
    ASSIGN_OR_RETURN(const model::SeriesRef ref, NewSeries(parser, app));
    line = &lines_.Add(hash, ref);
  }
  std::optional<model::Timestamp> timestamp;
  if (config_.honor_timestamps) {
    timestamp = parser->timestamp();
  }
  const bool repeated = lines_.SeenNow(*line);
  if (!repeated) {
    lines_.MarkSeen(line, !timestamp || config_.track_timestamps_staleness);
  }
  if (line->ref.value() == 0) {
    return {};
  }
  if (!repeated) {
    ++counts->kept;
  }
  if (repeated && !timestamp) {
    probe_.sample_duplicate.Add();
    return {};
  }
  const model::Timestamp t = timestamp.value_or(page.t);
  if (t > page.now_ms + kMaxAheadMs) {
    probe_.sample_out_of_bounds.Add();
    return {};
  }
  ThreadScratch().samples.push_back({line->ref, t, parser->value()});
  model::Exemplar exemplar;
  if (parser->Exemplar(&exemplar)) {
    if (!exemplar.has_timestamp) {
      exemplar.t = t;
      exemplar.has_timestamp = true;
    }
    app->AppendExemplar(line->ref, exemplar);
  }
  return {};
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

void ScrapeWriter::OnFamily(const wire::ExpositionParser& parser, wire::EntryKind kind) {
  const std::string_view name = parser.family();
  page_families_hash_ = base::Hash64(name, page_families_hash_);
  if (page_families_.empty() || page_families_.back().name != name) {
    page_families_.push_back({std::string(name), {}});
  }
  model::Metadata& metadata = page_families_.back().metadata;
  if (kind == wire::EntryKind::kType) {
    metadata.type = parser.type();
    page_families_hash_ += static_cast<uint64_t>(parser.type()) + 1;
  } else {
    (kind == wire::EntryKind::kHelp ? metadata.help : metadata.unit) = parser.text();
    page_families_hash_ = base::Hash64(parser.text(), page_families_hash_);
  }
}

void ScrapeWriter::FinishFamilies() {
  if (page_families_hash_ != families_hash_) {
    families_hash_ = page_families_hash_;
    FamilyList list;
    list.reserve(page_families_.size());
    for (OpenFamily& family : page_families_) {
      list.push_back(family_cache_.Intern(family.name, std::move(family.metadata)));
    }
    families_ = std::move(list);
  }
  page_families_ = {};
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
  Scratch& scratch = ThreadScratch();
  scratch.outcomes.resize(scratch.samples.size());
  app->Append(scratch.samples, scratch.outcomes);
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
  app->Append(scratch.samples, scratch.outcomes);
  if (auto status = app->Commit(); !status) {
    LOG_WARN("staleness markers of a removed target not stored", kv("err", status.error()));
  }
}

}  // namespace tributary::scrape
