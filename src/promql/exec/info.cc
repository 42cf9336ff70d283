#include "promql/exec/info.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include "promql/exec/matching.h"
#include "promql/exec/selection_samples.h"
#include "promql/exec/selector.h"

namespace tributary::promql {
namespace {

using model::Matcher;
using model::MatchType;

constexpr std::string_view kIdentifyingLabels[] = {model::kInstance, model::kJob};

base::Error ExecutionError(std::string message) {
  return {base::ErrorCode::kExecution, std::move(message)};
}

// The modifiers of the first selector below `plan`; enclosing subqueries shift it, up to the
// innermost @.
std::optional<LookupTime> FirstSelectorTime(const Plan& plan) {
  if (plan.kind == PlanKind::kInstantSelector || plan.kind == PlanKind::kRangeSelector) {
    return LookupTime{plan.at, plan.offset_ms};
  }
  for (const auto& child : plan.children) {
    auto when = FirstSelectorTime(*child);
    if (!when) continue;
    if (plan.kind == PlanKind::kSubquery && !when->at) {
      when->offset_ms += plan.offset_ms;
      when->at = plan.at;
    }
    return when;
  }
  return std::nullopt;
}

std::string QuoteRegexp(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

class InfoJoin {
 public:
  InfoJoin(QueryContext& context, const Plan& plan, const Steps& steps, Block base)
      : context_(context), plan_(plan), steps_(steps), base_(std::move(base)), out_(steps) {}

  base::Result<Block> Run() {
    RETURN_IF_ERROR(ReadMatchers());
    FindInfoSeries();
    RETURN_IF_ERROR(FetchInfo());
    SignSeries();
    for (size_t step = 0; step < steps_.count; step++) {
      RETURN_IF_ERROR(context_.Check());
      RETURN_IF_ERROR(CombineAt(step));
    }
    out_.DropEmpty();
    RETURN_IF_ERROR(out_.ChargeSamples(&context_.budget()));
    return std::move(out_);
  }

 private:
  base::Status ReadMatchers() {
    if (plan_.children.size() > 1) {
      for (const auto& matcher : As<VectorSelector>(*plan_.children[1]->expr).matchers) {
        if (matcher.name() == model::kMetricName) {
          name_matchers_.push_back(matcher);
        } else {
          data_matchers_[matcher.name()].push_back(matcher);
        }
      }
    }
    const bool positive = std::ranges::any_of(name_matchers_, [](const Matcher& m) {
      return m.type() == MatchType::kEqual || m.type() == MatchType::kRegexp;
    });
    if (name_matchers_.empty()) {
      name_matchers_.push_back(Matcher::Equal(std::string(model::kMetricName), "target_info"));
    } else if (!positive) {
      ASSIGN_OR_RETURN(
          Matcher any_info,
          Matcher::Create(MatchType::kRegexp, std::string(model::kMetricName), ".+_info"));
      name_matchers_.insert(name_matchers_.begin(), std::move(any_info));
    }
    return {};
  }

  // Info metrics themselves pass unchanged.
  void FindInfoSeries() {
    is_info_.reserve(base_.series.size());
    for (const auto& s : base_.series) {
      const auto name = s.labels.Get(model::kMetricName);
      is_info_.push_back(
          std::ranges::all_of(name_matchers_, [&](const Matcher& m) { return m.Matches(name); }));
    }
  }

  base::Status FetchInfo() {
    info_ = Block(steps_);
    std::map<std::string, std::set<std::string>> values;
    for (size_t i = 0; i < base_.series.size(); i++) {
      if (is_info_[i]) continue;
      for (const auto name : kIdentifyingLabels) {
        const auto value = base_.series[i].labels.Get(name);
        if (!value.empty()) values[std::string(name)].insert(std::string(value));
      }
    }
    if (values.empty()) return {};
    std::vector<Matcher> matchers = name_matchers_;
    for (const auto& [name, set] : values) {
      std::string pattern;
      for (const auto& value : set) {
        if (!pattern.empty()) pattern.push_back('|');
        pattern += QuoteRegexp(value);
      }
      ASSIGN_OR_RETURN(Matcher matcher, Matcher::Create(MatchType::kRegexp, name, pattern));
      matchers.push_back(std::move(matcher));
    }
    for (const auto& [name, of_name] : data_matchers_) {
      matchers.insert(matchers.end(), of_name.begin(), of_name.end());
    }
    const LookupTime when = FirstSelectorTime(*plan_.children[0]).value_or(LookupTime{});
    const storage::SelectHints hints{
        .start = when(steps_.start) - context_.lookback_delta_ms() + 1,
        .end = when(steps_.last()),
        .step_ms = steps_.step_ms,
    };
    ASSIGN_OR_RETURN(selection_, context_.Select(matchers, hints, plan_.pos));
    auto rows = MakeInstantSelector(context_, steps_, MakeSelectionSamples(*selection_, {}),
                                    {.when = when,
                                     .lookback_delta_ms = context_.lookback_delta_ms(),
                                     .value = InstantValue::kTimestampMs});
    ASSIGN_OR_RETURN(info_, Materialize(context_, *rows));
    return {};
  }

  // Base series are matched with the info series of each metric by the identifying labels.
  static std::string Signature(const model::Labels& labels) {
    std::string out;
    for (const auto name : kIdentifyingLabels) {
      out.append(labels.Get(name));
      out.push_back('\xff');
    }
    return out;
  }

  void SignSeries() {
    for (size_t i = 0; i < info_.series.size(); i++) {
      const model::Labels& labels = info_.series[i].labels;
      info_by_signature_[Signature(labels)][std::string(labels.Get(model::kMetricName))].push_back(
          i);
    }
  }

  // The newest info series of a metric at a step.
  base::Result<std::optional<size_t>> Newest(const std::vector<size_t>& series, size_t step) {
    std::optional<size_t> newest;
    for (size_t i : series) {
      const double t = info_.series[i].row.values[step];
      if (IsAbsent(t)) continue;
      if (!newest) {
        newest = i;
        continue;
      }
      const double best = info_.series[*newest].row.values[step];
      if (t == best) {
        return ExecutionError(
            fmt::format("found duplicate series for info metric: existing {} @ {}, new {} @ {}",
                        info_.series[*newest].labels.ToString(), static_cast<int64_t>(best),
                        info_.series[i].labels.ToString(), static_cast<int64_t>(t)));
      }
      if (t > best) newest = i;
    }
    return newest;
  }

  base::Status CombineAt(size_t step) {
    // Whether or not any base series asks for it, a conflict among info series is an error.
    if (std::ranges::any_of(base_.series,
                            [&](const BlockSeries& s) { return s.row.present(step); })) {
      for (const auto& [signature, by_name] : info_by_signature_) {
        for (const auto& [name, series] : by_name) {
          RETURN_IF_ERROR(Newest(series, step));
        }
      }
    }
    for (size_t i = 0; i < base_.series.size(); i++) {
      BlockSeries& s = base_.series[i];
      if (!s.row.present(step)) continue;
      ASSIGN_OR_RETURN(const std::optional<model::Labels> labels, LabelsAt(i, step));
      if (!labels) continue;
      auto [it, added] = out_series_.try_emplace(labels->packed(), out_.series.size());
      if (added) {
        ASSIGN_OR_RETURN(BlockSeries * series, out_.Add(&context_.budget(), *labels, s.drop_name));
        (void)series;
      }
      Row& to = out_.series[it->second].row;
      if (to.present(step)) return SameLabelsetError();
      if (s.row.histogram(step) != nullptr) {
        to.Set(step, s.row.histograms[step]);
      } else {
        to.Set(step, s.row.values[step]);
      }
    }
    return {};
  }

  // The labels of base series i with what the info series add; nothing when it must be left out.
  base::Result<std::optional<model::Labels>> LabelsAt(size_t i, size_t step) {
    const model::Labels& labels = base_.series[i].labels;
    if (is_info_[i]) return std::optional(labels);
    model::LabelsBuilder added;
    bool matched = false;
    if (auto it = info_by_signature_.find(Signature(labels)); it != info_by_signature_.end()) {
      for (const auto& [name, series] : it->second) {
        ASSIGN_OR_RETURN(const std::optional<size_t> newest, Newest(series, step));
        if (!newest) continue;
        matched = true;
        RETURN_IF_ERROR(AddLabels(info_.series[*newest].labels, labels, &added));
      }
    }
    if (!matched && !MatchersTakeEmpty()) return std::optional<model::Labels>();
    model::LabelsBuilder builder(labels);
    std::vector<model::Label> span;
    added.ToSpan(&span);
    for (const auto& label : span) builder.Set(label.name, label.value);
    return std::optional(builder.Build());
  }

  base::Status AddLabels(const model::Labels& info, const model::Labels& base,
                         model::LabelsBuilder* added) const {
    for (const auto& label : info) {
      if (label.name == model::kMetricName) continue;
      if (!data_matchers_.empty() && !data_matchers_.contains(std::string(label.name))) continue;
      const auto before = added->Get(label.name);
      if (!before.empty() && before != label.value) {
        return ExecutionError("conflicting label: " + std::string(label.name));
      }
      if (!base.Has(label.name)) added->Set(label.name, label.value);
    }
    return {};
  }

  bool MatchersTakeEmpty() const {
    for (const auto& [name, matchers] : data_matchers_) {
      if (!std::ranges::all_of(matchers, &Matcher::MatchesEmpty)) return false;
    }
    return true;
  }

  QueryContext& context_;
  const Plan& plan_;
  const Steps steps_;
  Block base_;
  Block out_;
  std::vector<Matcher> name_matchers_;
  std::map<std::string, std::vector<Matcher>> data_matchers_;  // by label
  std::vector<bool> is_info_;                                  // of base series
  std::unique_ptr<storage::SeriesSelection> selection_;
  Block info_;  // values are the times of the info samples
  std::map<std::string, std::map<std::string, std::vector<size_t>>> info_by_signature_;
  absl::flat_hash_map<std::string, size_t> out_series_;  // by labels
};

}  // namespace

base::Result<Block> EvalInfo(Evaluator& evaluator, const Plan& plan, const Steps& steps) {
  ASSIGN_OR_RETURN(Block base, evaluator.Eval(*plan.children[0], steps));
  return InfoJoin(evaluator.context(), plan, steps, std::move(base)).Run();
}

}  // namespace tributary::promql
