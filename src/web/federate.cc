// /federate: the newest sample of each selected series in the text format, with its timestamp and
// our external labels. Source: Prometheus web/federate.go.
#include <algorithm>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include "base/strings.h"
#include "promql/engine.h"
#include "storage/merge_selection.h"
#include "storage/querier.h"
#include "web/label_escaping.h"
#include "web/newest_sample.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

using LabelPairs = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kFlushBytes = 32 * 1024;

void AppendEscaped(std::string_view value, std::string* out) {
  for (const char c : value) {
    switch (c) {
      case '\\':
        *out += "\\\\";
        break;
      case '"':
        *out += "\\\"";
        break;
      case '\n':
        *out += "\\n";
        break;
      default:
        *out += c;
    }
  }
}

// One answer in the text format. Names that it cannot write bare are quoted when the client says
// it understands that, else their odd characters become underscores.
class FederationText {
 public:
  FederationText(net::ResponseWriter& response, bool allow_utf8)
      : response_(response), allow_utf8_(allow_utf8) {}

  void Add(std::string_view name, const LabelPairs& labels, const NewestSample& sample) {
    const bool histogram = sample.h != nullptr;
    if (name != family_ || histogram != family_is_histogram_) {
      family_ = name;
      family_is_histogram_ = histogram;
      const bool gauge = histogram && sample.h->reset_hint == model::CounterResetHint::kGauge;
      text_ += "# TYPE ";
      AppendName(name);
      text_ += histogram ? (gauge ? " gaugehistogram\n" : " histogram\n") : " untyped\n";
    }
    if (histogram) {
      AddClassicHistogram(name, labels, sample);
    } else {
      AddLine(name, labels, {}, sample.v, sample.t);
    }
    if (text_.size() >= kFlushBytes) Flush();
  }
  bool Flush() {
    const bool ok = response_.Write(text_);
    text_.clear();
    return ok;
  }

 private:
  // A histogram with custom buckets is a classic one.
  void AddClassicHistogram(std::string_view name, const LabelPairs& labels,
                           const NewestSample& sample) {
    const model::FloatHistogram& h = *sample.h;
    std::vector<double> counts(h.custom_values.size() + 1);
    int64_t index = 0;
    size_t bucket = 0;
    for (const model::BucketSpan& span : h.positive_spans) {
      index += span.offset;
      for (uint32_t i = 0; i < span.length && bucket < h.positive_buckets.size(); ++i, ++index) {
        const double count = h.positive_buckets[bucket++];
        if (index >= 0 && static_cast<size_t>(index) < counts.size()) {
          counts[static_cast<size_t>(index)] += count;
        }
      }
    }
    double cumulative = 0;
    for (size_t i = 0; i < h.custom_values.size(); ++i) {
      cumulative += counts[i];
      AddLine(std::string(name) + "_bucket", labels, base::FormatFloatG(h.custom_values[i]),
              cumulative, sample.t);
    }
    AddLine(std::string(name) + "_bucket", labels, "+Inf", h.count, sample.t);
    AddLine(std::string(name) + "_sum", labels, {}, h.sum, sample.t);
    AddLine(std::string(name) + "_count", labels, {}, h.count, sample.t);
  }

  void AddLine(std::string_view name, const LabelPairs& labels, std::string_view le, double value,
               model::Timestamp t) {
    const bool quoted_name = allow_utf8_ && !model::IsLegacyMetricName(name);
    char open = '{';
    const auto separate = [&] {
      text_ += open;
      open = ',';
    };
    if (quoted_name) {
      separate();
      AppendQuoted(name);
    } else {
      AppendName(name);
    }
    for (const auto& [key, text] : labels) {
      separate();
      if (model::IsLegacyLabelName(key)) {
        text_ += key;
      } else if (allow_utf8_) {
        AppendQuoted(key);
      } else {
        text_ += UnderscoreName(key);
      }
      text_ += '=';
      AppendQuoted(text);
    }
    if (!le.empty()) {
      separate();
      text_.append("le=\"").append(le).append("\"");
    }
    if (open == ',') text_ += '}';
    text_.append(" ").append(base::FormatFloatG(value)).append(" ");
    text_.append(std::to_string(t)).append("\n");
  }

  void AppendQuoted(std::string_view value) {
    text_ += '"';
    AppendEscaped(value, &text_);
    text_ += '"';
  }
  void AppendName(std::string_view name) {
    if (model::IsLegacyMetricName(name)) {
      text_ += name;
    } else if (allow_utf8_) {
      AppendQuoted(name);
    } else {
      text_ += UnderscoreName(name);
    }
  }

  net::ResponseWriter& response_;
  const bool allow_utf8_;
  std::string text_;
  std::string family_;
  bool family_is_histogram_ = false;
};

class Federation {
 public:
  Federation(const Context& context)
      : context_(context),
        errors_(context.services.metrics->GetCounter(
            "prometheus_web_federation_errors_total",
            "Total number of errors that occurred while sending federation responses.")) {}

  void Serve(Call& call) {
    std::vector<std::vector<model::Matcher>> sets;
    for (const std::string_view text : call.params.All("match[]")) {
      auto matchers = promql::ParseMetricSelector(text);
      if (!matchers) return RespondText(call.response, 400, matchers.error().message());
      sets.push_back(*std::move(matchers));
    }
    if (context_.services.queryable == nullptr) {
      errors_.Add();
      return RespondText(call.response, 500, "unavailable with Prometheus Agent");
    }
    const int64_t now = context_.services.clock->NowMs();
    const int64_t lookback = context_.services.engine == nullptr
                                 ? 300'000
                                 : context_.services.engine->options().lookback_delta_ms;
    auto querier = context_.services.queryable->NewQuerier(now - lookback, now);
    if (!querier) return Fail(call, querier.error());
    storage::SelectHints hints;
    hints.start = now - lookback;
    hints.end = now;
    std::vector<std::unique_ptr<storage::SeriesSelection>> selections;
    for (const auto& matchers : sets) {
      auto selection = (*querier)->Select(matchers, hints);
      if (!selection) return Fail(call, selection.error());
      selections.push_back(*std::move(selection));
    }
    const auto merged = storage::MergeSelections(std::move(selections));
    Write(call, *merged, now - lookback, now);
  }

 private:
  void Fail(Call& call, const base::Error& error) {
    errors_.Add();
    RespondText(call.response, error.code() == base::ErrorCode::kUnavailable ? 503 : 500,
                error.message());
  }

  void Write(Call& call, const storage::SeriesSelection& selection, int64_t min_time,
             int64_t max_time) {
    std::vector<size_t> order(selection.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const storage::LabelColumn names = selection.Column(model::kMetricName);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return names.values[names.ids[a]] < names.values[names.ids[b]];
    });
    model::LabelsBuilder external(context_.services.config()->global.external_labels);
    const bool has_instance = external.Has(model::kInstance);
    std::vector<model::Label> global;
    external.ToSpan(&global);
    if (!has_instance) {
      global.push_back({model::kInstance, ""});
      std::sort(global.begin(), global.end());
    }
    call.response.SetHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    const bool allow_utf8 =
        call.request.header("Accept").find("escaping=allow-utf-8") != std::string_view::npos;
    FederationText text(call.response, allow_utf8);
    NewestSampleReader reader;
    LabelPairs labels;
    for (const size_t i : order) {
      const std::string_view name = names.values[names.ids[i]];
      if (name.empty()) continue;
      const auto sample = reader.Read(selection, i, min_time, max_time);
      if (!sample) {
        // The status is out already; an answer cut short is what tells the client.
        errors_.Add();
        break;
      }
      // The text format has no native histograms, only those with custom buckets.
      if (!*sample || ((*sample)->h && (*sample)->h->schema != model::kCustomBucketsSchema)) {
        continue;
      }
      const model::Labels set = selection.LabelsOf(i);
      labels.clear();
      for (const model::Label& label : set) {
        if (label.name != model::kMetricName) labels.emplace_back(label.name, label.value);
      }
      for (const model::Label& label : global) {
        if (!set.Has(label.name)) labels.emplace_back(label.name, label.value);
      }
      text.Add(name, labels, **sample);
      if (call.request.cancelled()) return;
    }
    text.Flush();
  }

  const Context& context_;
  base::Counter& errors_;
};

}  // namespace

void AddFederateRoute(Router& router, const Context& context) {
  auto federation = std::make_shared<Federation>(context);
  router.Add("/federate", {}, [federation](Call& call) { federation->Serve(call); });
}

}  // namespace tributary::web
