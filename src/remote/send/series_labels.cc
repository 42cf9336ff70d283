#include "remote/send/series_labels.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "wire/protobuf.h"

namespace tributary::remote {
namespace {

// The memory for outcomes is bounded: beyond this many series it starts anew.
constexpr size_t kMaxRemembered = 4'000'000;

// Of a place in a Join that is no own label.
size_t ExternalOf(int32_t place) { return static_cast<uint32_t>(~place); }

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
      relabeler_(std::move(relabeler)),
      coded_externals_(external_.size()) {}

std::unique_ptr<storage::TextHold> SeriesLabels::BeginMessage() {
  if (++stamp_ == 0) {  // after four billion messages
    stamp_ = 1;
    coded_.clear();
    coded_externals_.assign(external_.size(), {});
  }
  return source_.HoldTexts();
}

const SeriesLabels::Join& SeriesLabels::MakeJoin(uint32_t names) {
  if (names >= joins_.size()) {
    joins_.resize(names + 1);
  }
  Join& join = joins_[names];
  int32_t next = 0;
  const auto end = static_cast<int32_t>(external_.size());
  const auto name_of = [&](int32_t at) { return external_[static_cast<size_t>(at)].name; };
  int32_t at = 0;
  for (const uint32_t number : source_.NamesOf(names)) {
    const std::string_view name = source_.NameText(number);
    while (next < end && name_of(next) < name) {
      join.push_back(~next++);
    }
    if (next < end && name_of(next) == name) {
      ++next;
    }
    join.push_back(at++);
  }
  while (next < end) {
    join.push_back(~next++);
  }
  return join;
}

SeriesLabels::Outcome SeriesLabels::Resolve(model::SeriesRef ref,
                                            const storage::LabelNumbers& numbers,
                                            std::vector<model::Label>* out) {
  const auto remembered = remembered_.find(ref.value());
  const bool is_new = remembered == remembered_.end();
  if (!is_new && remembered->second.dropped) {
    return Outcome::kDropped;
  }
  if (!is_new && !remembered->second.changed.empty()) {
    remembered->second.changed.ToSpan(out);
    return Outcome::kSend;
  }
  if (numbers.labels.empty()) {
    return Outcome::kUnknown;
  }
  out->clear();
  const std::span<const uint32_t> names = source_.NamesOf(numbers.names);
  for (const int32_t place : JoinOf(numbers.names)) {
    if (place < 0) {
      out->push_back(external_[ExternalOf(place)]);
    } else {
      const auto at = static_cast<size_t>(place);
      out->push_back({source_.NameText(names[at]), source_.ValueText(numbers.labels[at])});
    }
  }
  return relabeler_.empty() || !is_new ? Outcome::kSend : Relabel(ref, out);
}

void SeriesLabels::Code(model::Label label, wire::SymbolTable* symbols, Coded* coded) const {
  const uint32_t name = symbols->Add(label.name);
  const uint32_t value = symbols->Add(label.value);
  CHECK(std::max(name, value) < 1u << 28, "a message has too many symbols");  // four bytes each
  char* const end = wire::WriteVarint(wire::WriteVarint(coded->bytes, name), value);
  coded->size = static_cast<uint32_t>(end - coded->bytes);
  coded->stamp = stamp_;
}

SeriesLabels::Outcome SeriesLabels::Resolve(model::SeriesRef ref,
                                            const storage::LabelNumbers& numbers,
                                            wire::WriteEncoderV2* message,
                                            wire::WriteEncoderV2::Refs* out) {
  if (!relabeler_.empty()) {
    const Outcome outcome = Resolve(ref, numbers, &span_);
    if (outcome != Outcome::kSend) {
      return outcome;  // what is in span_ is of another series, and may be gone
    }
    *out = message->AddSymbols(span_);
    return outcome;
  }
  if (numbers.labels.empty()) {
    return Outcome::kUnknown;
  }
  wire::SymbolTable* const symbols = &message->symbols();
  const Join& join = JoinOf(numbers.names);
  if (refs_.size() < join.size() * sizeof(Coded::bytes)) {
    refs_.resize(join.size() * sizeof(Coded::bytes));
  }
  char* p = refs_.data();
  const auto put = [&p](const Coded& coded) {
    std::memcpy(p, coded.bytes, sizeof(coded.bytes));  // all of it: a size known here is faster
    p += coded.size;
  };
  for (const int32_t place : join) {
    if (place < 0) {
      const size_t at = ExternalOf(place);
      Coded& coded = coded_externals_[at];
      if (coded.stamp != stamp_) [[unlikely]] {
        Code(external_[at], symbols, &coded);
      }
      put(coded);
      continue;
    }
    const auto at = static_cast<size_t>(place);
    const uint32_t number = numbers.labels[at];
    if (number >= coded_.size()) [[unlikely]] {
      coded_.resize(number + 1);
    }
    Coded& coded = coded_[number];
    if (coded.stamp != stamp_) [[unlikely]] {
      const uint32_t name = source_.NamesOf(numbers.names)[at];
      Code({source_.NameText(name), source_.ValueText(number)}, symbols, &coded);
    }
    put(coded);
  }
  *out = {refs_.data(), static_cast<size_t>(p - refs_.data())};
  return Outcome::kSend;
}

// `out` holds the labels before and after.
SeriesLabels::Outcome SeriesLabels::Relabel(model::SeriesRef ref, std::vector<model::Label>* out) {
  if (remembered_.size() >= kMaxRemembered) {
    remembered_.clear();
  }
  Remembered& remembered = remembered_[ref.value()];
  builder_.Reset(*out);
  model::Labels relabelled;
  if (relabeler_.Apply(&builder_)) {
    relabelled = builder_.Build();
  }
  if (relabelled.empty()) {
    remembered.dropped = true;
    return Outcome::kDropped;
  }
  if (!(relabelled == model::Labels::FromSpan(*out))) {
    remembered.changed = std::move(relabelled);
    remembered.changed.ToSpan(out);
  }
  return Outcome::kSend;
}

}  // namespace tributary::remote
