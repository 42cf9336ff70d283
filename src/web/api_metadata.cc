// /api/v1/series, labels, label/<name>/values.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/strings.h"
#include "storage/querier.h"
#include "web/api_params.h"
#include "web/envelope.h"
#include "web/label_escaping.h"
#include "web/routes.h"
#include "web/value_json.h"

namespace tributary::web {
namespace {

using base::Result;
using Strings = std::vector<std::string>;

constexpr std::string_view kTruncated = "results truncated due to limit";
constexpr size_t kCheckCancelledEvery = 128;

// Names or values that any of the matcher sets selects; all when there are none.
template <class Ask>
Result<Strings> Union(const net::Request& request, const MatcherSets& sets, const Ask& ask) {
  if (sets.empty()) return ask(storage::Matchers());
  Strings all;
  for (const auto& set : sets) {
    if (request.cancelled()) return base::Error(base::ErrorCode::kCancelled, "context canceled");
    ASSIGN_OR_RETURN(Strings some, ask(storage::Matchers(set)));
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
  if (sets.size() > 1) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
  }
  return all;
}

void RespondStrings(Call& call, const Strings& strings, uint64_t limit) {
  const bool truncated = limit > 0 && strings.size() > limit;
  const size_t count = truncated ? limit : strings.size();
  Envelope envelope(call.response);
  envelope.data().BeginArray();
  for (size_t i = 0; i < count; ++i) envelope.data().String(strings[i]);
  envelope.data().EndArray();
  envelope.Finish(truncated ? Strings{std::string(kTruncated)} : Strings{});
}

// What the store says is an error of storage, whatever its code.
void RespondStorageError(Call& call, const base::Error& error) {
  if (error.code() == base::ErrorCode::kCancelled) return RespondError(call.response, error);
  RespondError(call.response, ErrorType::kExecution, error.message());
}

void ServeLabels(const Context& context, Call& call, const std::string* name) {
  const auto range = ParseRangeAndLimit(call);
  if (!range) return;
  const auto sets = ParseMatcherSets(call.params.All("match[]"));
  if (!sets) return RespondError(call.response, ErrorType::kBadData, sets.error().message());
  const auto querier = context.services.queryable->NewQuerier(range->start, range->end);
  if (!querier) return RespondStorageError(call, querier.error());
  const auto strings = Union(call.request, *sets, [&](storage::Matchers matchers) {
    return name == nullptr ? (*querier)->LabelNames(matchers)
                           : (*querier)->LabelValues(*name, matchers);
  });
  if (!strings) return RespondStorageError(call, strings.error());
  RespondStrings(call, *strings, range->limit);
}

void LabelNames(const Context& context, Call& call) { ServeLabels(context, call, nullptr); }

void LabelValues(const Context& context, Call& call) {
  const std::string name = UnescapeLabelName(call.path_arg);
  if (name.empty() || !base::IsValidUtf8(name)) {
    return RespondError(call.response, ErrorType::kBadData,
                        fmt::format("invalid label name: {}", base::Quote(name)));
  }
  ServeLabels(context, call, &name);
}

// Labels of one selection after the other, or of several without repeats.
class SeriesLister {
 public:
  SeriesLister(Call& call, uint64_t limit) : call_(call), limit_(limit) {}

  void Serve(storage::Querier& querier, const MatcherSets& sets,
             const storage::SelectHints& hints) {
    std::vector<std::unique_ptr<storage::SeriesSelection>> selections;
    for (const auto& set : sets) {
      if (call_.request.cancelled()) {
        return RespondError(call_.response, ErrorType::kCanceled, "context canceled");
      }
      auto selection = querier.Select(set, hints);
      if (!selection) return RespondStorageError(call_, selection.error());
      selections.push_back(*std::move(selection));
    }
    if (selections.size() == 1) {
      const storage::SeriesSelection& only = *selections[0];
      return Write(only.size(), [&](size_t i) { return only.LabelsOf(i); });
    }
    std::vector<model::Labels> all;
    for (const auto& selection : selections) {
      for (size_t i = 0; i < selection->size(); ++i) {
        if (all.size() % kCheckCancelledEvery == 0 && call_.request.cancelled()) {
          return RespondError(call_.response, ErrorType::kCanceled, "context canceled");
        }
        all.push_back(selection->LabelsOf(i));
      }
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    Write(all.size(), [&](size_t i) -> const model::Labels& { return all[i]; });
  }

 private:
  template <class LabelsAt>
  void Write(size_t size, const LabelsAt& labels_at) {
    const bool truncated = limit_ > 0 && size > limit_;
    const size_t count = truncated ? limit_ : size;
    Envelope envelope(call_.response);
    wire::JsonWriter& json = envelope.data();
    json.BeginArray();
    for (size_t i = 0; i < count && json.ok(); ++i) WriteLabels(json, labels_at(i));
    json.EndArray();
    envelope.Finish(truncated ? Strings{std::string(kTruncated)} : Strings{});
  }

  Call& call_;
  const uint64_t limit_;
};

void Series(const Context& context, Call& call) {
  const std::vector<std::string_view> match = call.params.All("match[]");
  if (match.empty()) {
    return RespondError(call.response, ErrorType::kBadData, "no match[] parameter provided");
  }
  const auto range = ParseRangeAndLimit(call);
  if (!range) return;
  const auto sets = ParseMatcherSets(match);
  if (!sets) return RespondInvalidParam(call.response, "match[]", sets.error().message());
  const auto querier = context.services.queryable->NewQuerier(range->start, range->end);
  if (!querier) return RespondStorageError(call, querier.error());
  storage::SelectHints hints;
  hints.start = range->start;
  hints.end = range->end;
  hints.limit = range->limit == 0 ? 0 : range->limit + 1;  // one more shows that there were more
  SeriesLister(call, range->limit).Serve(**querier, *sets, hints);
}

}  // namespace

void AddMetadataRoutes(Router& router, const Context& context) {
  const auto add = [&](const char* pattern, unsigned methods,
                       void (*serve)(const Context&, Call&)) {
    router.Add(pattern, ApiRoute(methods, /*server_only=*/true, Needs::kStore),
               [&context, serve](Call& call) { serve(context, call); });
  };
  add("/api/v1/labels", kGet | kPost, LabelNames);
  add("/api/v1/label/:name/values", kGet, LabelValues);
  add("/api/v1/series", kGet | kPost, Series);
}

}  // namespace tributary::web
