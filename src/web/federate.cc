// /federate: the newest sample of each selected series, with its timestamp and our external labels.
// Source: Prometheus web/federate.go.
#include <algorithm>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include "base/strings.h"
#include "promql/engine.h"
#include "storage/merge_selection.h"
#include "storage/querier.h"
#include "web/federation_encoder.h"
#include "web/newest_sample.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

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
      // As in Prometheus, `{}` selects nothing here; everything would be the whole head.
      if (!matchers->empty()) sets.push_back(*std::move(matchers));
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
    const FederationFormat format = NegotiateFederation(call.request.header("Accept"));
    call.response.SetHeader("Content-Type", ContentTypeOf(format));
    const auto encoder = FederationEncoder::Create(format, call.response);
    NewestSampleReader reader;
    FederationLabels labels;
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
      if (!*sample || (!format.protobuf && (*sample)->h &&
                       (*sample)->h->schema != model::kCustomBucketsSchema)) {
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
      if (!encoder->Add(name, labels, **sample) || call.request.cancelled()) return;
    }
    encoder->Finish();
  }

  const Context& context_;
  base::Counter& errors_;
};

}  // namespace

void AddFederateRoute(Router& router, const Context& context) {
  auto federation = std::make_shared<Federation>(context);
  RouteOptions options;
  options.needs = Needs::kStore;
  router.Add("/federate", options, [federation](Call& call) { federation->Serve(call); });
}

}  // namespace tributary::web
