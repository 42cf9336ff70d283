#include "remote/send/series_labels.h"

#include <algorithm>
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
      relabeler_(std::move(relabeler)),
      external_symbols_(2 * external_.size()) {}

std::unique_ptr<storage::TextHold> SeriesLabels::BeginMessage() {
  if (++stamp_ == 0) {  // after four billion messages
    stamp_ = 1;
    name_symbols_.clear();
    value_symbols_.clear();
    external_symbols_.assign(external_symbols_.size(), {});
  }
  return source_.HoldTexts();
}

const SeriesLabels::Place& SeriesLabels::PlaceOf(uint32_t name) {
  if (name >= places_.size()) {
    places_.resize(name + 1);
  }
  Place& place = places_[name];
  if (!place.known) {
    const std::string_view text = source_.NameText(name);
    const auto at = std::ranges::lower_bound(external_, text, {}, &model::Label::name);
    place = {.known = true,
             .is_external = at != external_.end() && at->name == text,
             .before = static_cast<uint32_t>(at - external_.begin())};
  }
  return place;
}

template <class External, class Own>
void SeriesLabels::Join(External&& external, Own&& own) {
  size_t next = 0;
  if (!external_.empty()) {
    for (const storage::LabelNumbers& label : numbers_) {
      const Place& place = PlaceOf(label.name);
      while (next < place.before) {
        external(next++);
      }
      next += place.is_external;
      own(label);
    }
  } else {
    std::ranges::for_each(numbers_, own);
  }
  while (next < external_.size()) {
    external(next++);
  }
}

SeriesLabels::Outcome SeriesLabels::Resolve(model::SeriesRef ref, std::vector<model::Label>* out) {
  const auto remembered = remembered_.find(ref.value());
  const bool is_new = remembered == remembered_.end();
  if (!is_new && remembered->second.dropped) {
    return Outcome::kDropped;
  }
  if (!is_new && !remembered->second.changed.empty()) {
    remembered->second.changed.ToSpan(out);
    return Outcome::kSend;
  }
  if (!source_.LabelsOf(ref, &numbers_)) {
    return Outcome::kUnknown;
  }
  out->clear();
  Join([&](size_t i) { out->push_back(external_[i]); },
       [&](const storage::LabelNumbers& label) {
         out->push_back({source_.NameText(label.name), source_.ValueText(label.value)});
       });
  return relabeler_.empty() || !is_new ? Outcome::kSend : Relabel(ref, out);
}

SeriesLabels::Outcome SeriesLabels::Resolve(model::SeriesRef ref, wire::SymbolTable* symbols,
                                            std::vector<uint32_t>* out) {
  out->clear();
  if (!relabeler_.empty()) {
    const Outcome outcome = Resolve(ref, &span_);
    for (const model::Label& label : span_) {
      out->push_back(symbols->Add(label.name));
      out->push_back(symbols->Add(label.value));
    }
    return outcome;
  }
  if (!source_.LabelsOf(ref, &numbers_)) {
    return Outcome::kUnknown;
  }
  const auto put = [&](Symbol* symbol, auto&& text) {
    if (symbol->stamp != stamp_) {
      *symbol = {stamp_, symbols->Add(text())};
    }
    out->push_back(symbol->number);
  };
  const auto put_number = [&](std::vector<Symbol>* table, uint32_t number, auto&& text) {
    if (number >= table->size()) {
      table->resize(number + 1);
    }
    put(&(*table)[number], text);
  };
  Join(
      [&](size_t i) {
        put(&external_symbols_[2 * i], [&] { return external_[i].name; });
        put(&external_symbols_[2 * i + 1], [&] { return external_[i].value; });
      },
      [&](const storage::LabelNumbers& label) {
        put_number(&name_symbols_, label.name, [&] { return source_.NameText(label.name); });
        put_number(&value_symbols_, label.value, [&] { return source_.ValueText(label.value); });
      });
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
