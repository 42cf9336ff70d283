#include "remote/send/message_encoder.h"

#include <vector>

#include "wire/compression.h"
#include "wire/remote_write_v1.h"

namespace tributary::remote {
namespace {

model::Timestamp TimeOf(const storage::RefExemplar& exemplar) { return exemplar.exemplar.t; }
template <class Item>
model::Timestamp TimeOf(const Item& item) {
  return item.t;
}

}  // namespace

void MessageEncoder::Encode(const WireForm& form, model::Timestamp oldest, Shipment* shipment) {
  shipment->form = form;
  shipment->body.clear();
  shipment->body_samples = shipment->body_histograms = shipment->body_exemplars = 0;
  as_symbols_ = form.message == config::WriteMessage::kV2;
  const auto hold = labels_.BeginMessage();
  const std::string_view message =
      as_symbols_ ? EncodeV2(oldest, shipment) : EncodeV1(oldest, shipment);
  if (shipment->body_samples + shipment->body_histograms + shipment->body_exemplars > 0) {
    if (form.zstd) {
      wire::ZstdEncode(base::AsBytes(message), &shipment->body);
    } else {
      wire::SnappyEncode(base::AsBytes(message), &shipment->body);
    }
  }
}

bool MessageEncoder::Resolve(SendProbe::Kind kind, model::SeriesRef ref,
                             const storage::LabelNumbers& numbers) {
  switch (as_symbols_ ? labels_.Resolve(ref, numbers, &v2_, &refs_)
                      : labels_.Resolve(ref, numbers, &span_)) {
    case SeriesLabels::Outcome::kSend:
      return true;
    case SeriesLabels::Outcome::kDropped:
      probe_.Dropped(kind, "dropped_series").Add();
      return false;
    case SeriesLabels::Outcome::kUnknown:
      probe_.Dropped(kind, "unintentionally_dropped_series").Add();
      return false;
  }
  return false;
}

template <class Item, class Add>
void MessageEncoder::ForEach(SendProbe::Kind kind, model::Timestamp oldest,
                             std::vector<Item>* items, storage::Starts* starts, Add&& add) {
  series_.clear();
  for (const Item& item : *items) {
    series_.push_back(item.ref);
  }
  source_.LabelsOf(series_, &numbers_);
  size_t kept = 0;
  for (size_t i = 0; i < items->size(); ++i) {
    Item& item = (*items)[i];
    if (TimeOf(item) < oldest) {
      probe_.Dropped(kind, "too_old").Add();
      continue;
    }
    if (!Resolve(kind, item.ref, numbers_[i])) {
      continue;
    }
    if (kept != i) {
      (*items)[kept] = std::move(item);
      starts->Move(kept, i);
    }
    add((*items)[kept], (*starts)[kept]);
    ++kept;
  }
  items->erase(items->begin() + static_cast<std::ptrdiff_t>(kept), items->end());
  starts->Truncate(kept);
}

template <class Item, class Add>
void MessageEncoder::ForEach(SendProbe::Kind kind, model::Timestamp oldest,
                             std::vector<Item>* items, Add&& add) {
  storage::Starts none;
  ForEach(kind, oldest, items, &none,
          [&](const Item& item, model::Timestamp /*start*/) { add(item); });
}

wire::WriteEncoderV2::About MessageEncoder::AboutOf(model::SeriesRef ref) {
  if (source_.MetadataOf(ref, &metadata_)) {
    return v2_.EncodeMetadata(&metadata_);
  }
  if (families_.empty()) {
    return std::nullopt;
  }
  const std::optional<uint32_t> name = wire::WriteEncoderV2::ValueOf(refs_, name_symbol_);
  if (!name) {
    return std::nullopt;
  }
  if (*name >= known_.size()) {
    known_.resize(*name + 1);
  }
  Known& known = known_[*name];
  if (!known.looked_up) {
    known.looked_up = true;
    known.about = v2_.EncodeMetadata(families_.Find(v2_.symbols().Text(*name)));
  }
  return known.about;
}

std::string_view MessageEncoder::EncodeV1(model::Timestamp oldest, Shipment* shipment) {
  message_.clear();
  wire::WriteEncoderV1 encoder(&message_);
  ForEach(SendProbe::Kind::kSamples, oldest, &shipment->samples, &shipment->starts,
          [&](const storage::RefSample& sample, model::Timestamp /*start*/) {
            encoder.AddSample(span_, {sample.t, sample.v});
          });
  shipment->body_samples = shipment->samples.size();
  if (config_.send_native_histograms) {
    const size_t custom = std::erase_if(shipment->histograms, [](const storage::RefHistogram& h) {
      const int32_t schema = h.is_float ? h.float_histogram.schema : h.histogram.schema;
      return schema == model::kCustomBucketsSchema;
    });
    if (custom > 0) {
      probe_.Dropped(SendProbe::Kind::kHistograms, "nhcb_in_rw1_not_supported")
          .Add(static_cast<double>(custom));
    }
    ForEach(SendProbe::Kind::kHistograms, oldest, &shipment->histograms,
            [&](const storage::RefHistogram& h) {
              if (h.is_float) {
                encoder.AddHistogram(span_, h.t, h.float_histogram);
              } else {
                encoder.AddHistogram(span_, h.t, h.histogram);
              }
            });
    shipment->body_histograms = shipment->histograms.size();
  }
  if (config_.send_exemplars) {
    ForEach(SendProbe::Kind::kExemplars, oldest, &shipment->exemplars,
            [&](const storage::RefExemplar& exemplar) {
              encoder.AddExemplar(span_, exemplar.exemplar);
            });
    shipment->body_exemplars = shipment->exemplars.size();
  }
  return message_;
}

std::string_view MessageEncoder::EncodeV2(model::Timestamp oldest, Shipment* shipment) {
  v2_.Reset();
  name_symbol_ = v2_.symbols().Add(model::kMetricName);
  known_.clear();
  ForEach(SendProbe::Kind::kSamples, oldest, &shipment->samples, &shipment->starts,
          [&](const storage::RefSample& sample, model::Timestamp start) {
            v2_.AddSample(refs_, {sample.t, sample.v, start}, AboutOf(sample.ref));
          });
  shipment->body_samples = shipment->samples.size();
  if (config_.send_native_histograms) {
    ForEach(SendProbe::Kind::kHistograms, oldest, &shipment->histograms,
            [&](const storage::RefHistogram& h) {
              const auto about = AboutOf(h.ref);
              if (h.is_float) {
                v2_.AddHistogram(refs_, h.t, h.float_histogram, h.start, about);
              } else {
                v2_.AddHistogram(refs_, h.t, h.histogram, h.start, about);
              }
            });
    shipment->body_histograms = shipment->histograms.size();
  }
  if (config_.send_exemplars) {
    ForEach(
        SendProbe::Kind::kExemplars, oldest, &shipment->exemplars,
        [&](const storage::RefExemplar& exemplar) { v2_.AddExemplar(refs_, exemplar.exemplar); });
    shipment->body_exemplars = shipment->exemplars.size();
  }
  return v2_.Finish();
}

std::string MessageEncoder::EncodeMetadata(const Families& families, size_t from, size_t to) {
  std::string message;
  wire::WriteEncoderV1 encoder(&message);
  for (size_t i = from; i < to; ++i) {
    const auto& [family, metadata] = families[i];
    encoder.AddMetadata({metadata.type, family, metadata.help, metadata.unit});
  }
  std::string body;
  wire::SnappyEncode(base::AsBytes(message), &body);
  return body;
}

}  // namespace tributary::remote
