#include "remote/send/series_labels.h"

#include <utility>

namespace tributary::remote {
namespace {

// The memory for outcomes is bounded: beyond this many series it starts anew.
constexpr size_t kMaxRemembered = 4'000'000;

std::vector<model::Label> SpanOf(const model::Labels& labels) {
  std::vector<model::Label> span;
  labels.ToSpan(&span);
  return span;
}

}  // namespace

SeriesLabels::SeriesLabels(const storage::WalSource& source, model::Labels external_labels,
                           model::Relabeler relabeler)
    : source_(source),
      external_labels_(std::move(external_labels)),
      external_(SpanOf(external_labels_)),
      relabeler_(std::move(relabeler)) {}

// `out` = own_ + external_, both sorted.
void SeriesLabels::Join(std::vector<model::Label>* out) {
  out->clear();
  auto external = external_.begin();
  for (const model::Label& label : own_) {
    while (external != external_.end() && external->name < label.name) {
      out->push_back(*external++);
    }
    if (external != external_.end() && external->name == label.name) {
      ++external;
    }
    out->push_back(label);
  }
  out->insert(out->end(), external, external_.end());
}

SeriesLabels::Outcome SeriesLabels::Resolve(model::SeriesRef ref, std::vector<model::Label>* out) {
  if (!relabeler_.empty()) {
    if (const auto it = remembered_.find(ref.value()); it != remembered_.end()) {
      if (it->second.dropped) {
        return Outcome::kDropped;
      }
      if (!it->second.changed.empty()) {
        it->second.changed.ToSpan(out);
        return Outcome::kSend;
      }
    }
  }
  std::vector<model::Label>* const own = external_.empty() ? out : &own_;
  own->clear();
  if (!source_.LabelsOf(ref, &scratch_, own)) {
    return Outcome::kUnknown;
  }
  if (!external_.empty()) {
    Join(out);
  }
  if (relabeler_.empty()) {
    return Outcome::kSend;
  }
  if (remembered_.size() >= kMaxRemembered) {
    remembered_.clear();
  }
  const auto [it, is_new] = remembered_.try_emplace(ref.value());
  if (is_new) {
    builder_.Reset(*out);
    if (!relabeler_.Apply(&builder_)) {
      it->second.dropped = true;
      return Outcome::kDropped;
    }
    model::Labels relabelled = builder_.Build();
    if (relabelled.empty()) {
      it->second.dropped = true;
      return Outcome::kDropped;
    }
    if (!(relabelled == model::Labels::FromSpan(*out))) {
      it->second.changed = std::move(relabelled);
      it->second.changed.ToSpan(out);
      return Outcome::kSend;
    }
  }
  return Outcome::kSend;
}

}  // namespace tributary::remote
