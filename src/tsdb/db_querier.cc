#include "tsdb/db_querier.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "storage/merge_selection.h"

namespace tributary::tsdb {
namespace {

using Names = std::vector<std::string>;

class MergedQuerier final : public storage::Querier {
 public:
  explicit MergedQuerier(std::vector<std::unique_ptr<storage::Querier>> parts)
      : parts_(std::move(parts)) {}

  base::Result<std::unique_ptr<storage::SeriesSelection>> Select(
      storage::Matchers matchers, const storage::SelectHints& hints) override {
    std::vector<std::unique_ptr<storage::SeriesSelection>> selections;
    for (const auto& part : parts_) {
      ASSIGN_OR_RETURN(auto selection, part->Select(matchers, hints));
      // An empty one would only cost, but there must be one.
      if (selection->size() == 0 && !selections.empty()) continue;
      if (selections.size() == 1 && selections[0]->size() == 0) selections.clear();
      selections.push_back(std::move(selection));
    }
    if (selections.size() == 1) return std::move(selections[0]);
    return storage::UniteSelections(std::move(selections));
  }

  base::Result<Names> LabelNames(storage::Matchers matchers) override {
    return Union([&](storage::Querier& part) { return part.LabelNames(matchers); });
  }

  base::Result<Names> LabelValues(std::string_view name, storage::Matchers matchers) override {
    return Union([&](storage::Querier& part) { return part.LabelValues(name, matchers); });
  }

 private:
  template <class F>
  base::Result<Names> Union(F&& ask) {
    Names all;
    for (const auto& part : parts_) {
      ASSIGN_OR_RETURN(const Names names, ask(*part));
      Names merged;
      std::ranges::set_union(all, names, std::back_inserter(merged));
      all = std::move(merged);
    }
    return all;
  }

  const std::vector<std::unique_ptr<storage::Querier>> parts_;
};

}  // namespace

std::unique_ptr<storage::Querier> MergeQueriers(
    std::vector<std::unique_ptr<storage::Querier>> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  return std::make_unique<MergedQuerier>(std::move(parts));
}

}  // namespace tributary::tsdb
