#include "promql/exec/matching.h"

#include <algorithm>
#include <string>

#include <absl/container/flat_hash_map.h>

#include "promql/exec/row_source.h"

namespace tributary::promql {
namespace {

void AppendPart(std::string* key, std::string_view part) {
  const uint32_t size = static_cast<uint32_t>(part.size());
  key->append(reinterpret_cast<const char*>(&size), sizeof(size));
  key->append(part);
}

class Signer {
 public:
  explicit Signer(const VectorMatching& matching) : on_(matching.on), names_(matching.labels) {
    if (!on_) names_.emplace_back(model::kMetricName);
    std::ranges::sort(names_);
  }

  // Until the next call.
  const std::string& Sign(const model::Labels& labels) {
    key_.clear();
    for (const auto& label : labels) {
      if (std::ranges::binary_search(names_, label.name) != on_) continue;
      AppendPart(&key_, label.name);
      AppendPart(&key_, label.value);
    }
    return key_;
  }

 private:
  const bool on_;
  std::vector<std::string> names_;
  std::string key_;
};

}  // namespace

Signatures MatchSignatures(const VectorMatching& matching, const Block& lhs, const Block& rhs) {
  Signatures out;
  Signer signer(matching);
  absl::flat_hash_map<std::string, uint32_t> ordinals;
  auto sign_all = [&](const Block& block, std::vector<uint32_t>* to) {
    to->reserve(block.series.size());
    for (const auto& s : block.series) {
      to->push_back(ordinals.try_emplace(signer.Sign(s.labels), ordinals.size()).first->second);
    }
  };
  sign_all(lhs, &out.lhs);
  sign_all(rhs, &out.rhs);
  out.count = static_cast<uint32_t>(ordinals.size());
  return out;
}

model::Labels MatchLabels(const VectorMatching& matching, const model::Labels& labels) {
  std::vector<model::Label> kept;
  for (const auto& label : labels) {
    const bool listed = std::ranges::find(matching.labels, label.name) != matching.labels.end();
    const bool keep = matching.on ? listed : !listed && label.name != model::kMetricName;
    if (keep) kept.push_back(label);
  }
  return model::Labels::FromSpan(kept);
}

base::Status SettleSameLabels(QueryContext& context, Block* block) {
  if (context.delayed_name_removal() && block->steps.count == 1) return {};
  return MergeSameLabels(block);
}

}  // namespace tributary::promql
