#include "promql/exec/grouping.h"

#include <algorithm>

#include <absl/container/flat_hash_map.h>

namespace tributary::promql {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

// Refines groups by one more label at a time; ids stay in order of first appearance.
template <class Rows>
void GroupBy(const Rows& rows, const std::vector<std::string>& names, Grouping* out) {
  const size_t n = rows.size();
  out->group_of.assign(n, 0);
  size_t groups = n == 0 ? 0 : 1;
  std::vector<storage::LabelColumn> columns;
  for (const auto& name : names) {
    columns.push_back(rows.Column(name));
    const auto& ids = columns.back().ids;
    if (groups <= 1) {
      // The first label: its symbol ids, numbered anew.
      std::vector<uint32_t> renumbered(columns.back().values.size(), kNone);
      groups = 0;
      for (size_t i = 0; i < n; i++) {
        uint32_t& group = renumbered[ids[i]];
        if (group == kNone) group = static_cast<uint32_t>(groups++);
        out->group_of[i] = group;
      }
      continue;
    }
    absl::flat_hash_map<uint64_t, uint32_t> refined;
    for (size_t i = 0; i < n; i++) {
      const uint64_t key = uint64_t{out->group_of[i]} << 32 | ids[i];
      out->group_of[i] =
          refined.try_emplace(key, static_cast<uint32_t>(refined.size())).first->second;
    }
    groups = refined.size();
  }
  std::vector<size_t> first(groups, n);
  for (size_t i = n; i-- > 0;) first[out->group_of[i]] = i;
  for (size_t i : first) {
    model::LabelsBuilder builder;
    for (size_t c = 0; c < names.size(); c++) {
      builder.Set(names[c], columns[c].values[columns[c].ids[i]]);
    }
    out->labels.push_back(builder.Build());
  }
}

template <class Rows>
void GroupWithout(const Rows& rows, std::vector<std::string> names, Grouping* out) {
  names.emplace_back(model::kMetricName);
  std::ranges::sort(names);
  absl::flat_hash_map<std::string, uint32_t> groups;
  std::vector<model::Label> kept;
  out->group_of.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); i++) {
    const model::Labels labels = rows.LabelsOf(i);
    kept.clear();
    for (const auto& label : labels) {
      if (!std::ranges::binary_search(names, label.name)) kept.push_back(label);
    }
    model::Labels group = model::Labels::FromSpan(kept);
    auto [it, added] = groups.try_emplace(group.packed(), static_cast<uint32_t>(groups.size()));
    if (added) out->labels.push_back(std::move(group));
    out->group_of.push_back(it->second);
  }
}

// A block seen as rows, as far as grouping goes.
struct BlockView {
  const Block& block;
  size_t size() const { return block.series.size(); }
  const model::Labels& LabelsOf(size_t i) const { return block.series[i].labels; }
  bool drop_name(size_t i) const { return block.series[i].drop_name; }
  storage::LabelColumn Column(std::string_view name) const { return ColumnOf(block, name); }
};

template <class Rows>
Grouping Group(const Rows& rows, const std::vector<std::string>& names, bool without) {
  Grouping out;
  if (without) {
    GroupWithout(rows, names, &out);
  } else {
    GroupBy(rows, names, &out);
  }
  out.drop_name.resize(out.size());
  for (size_t i = 0; i < rows.size(); i++) {
    if (rows.drop_name(i)) out.drop_name[out.group_of[i]] = true;
  }
  return out;
}

}  // namespace

Grouping GroupRows(const RowSource& rows, const std::vector<std::string>& names, bool without) {
  return Group(rows, names, without);
}

Grouping GroupBlock(const Block& block, const std::vector<std::string>& names, bool without) {
  return Group(BlockView{block}, names, without);
}

}  // namespace tributary::promql
