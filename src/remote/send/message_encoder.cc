#include "remote/send/message_encoder.h"

#include <vector>

#include "wire/compression.h"
#include "wire/remote_write_v1.h"

namespace tributary::remote {

void MessageEncoder::Encode(const WireForm& form, model::Timestamp oldest, Shipment* shipment) {
  message_.clear();
  shipment->form = form;
  shipment->body.clear();
  shipment->body_samples = shipment->body_histograms = shipment->body_exemplars = 0;
  as_symbols_ = form.message == config::WriteMessage::kV2;
  const auto hold = labels_.BeginMessage();
  if (!as_symbols_) {
    EncodeV1(oldest, shipment);
  } else {
    EncodeV2(oldest, shipment);
  }
  if (shipment->body_samples + shipment->body_histograms + shipment->body_exemplars > 0) {
    // Compressed into memory that is kept: the encoder needs room for the worst case, ten times
    // what is left in the end.
    if (form.zstd) {
      wire::ZstdEncode(base::AsBytes(message_), &compressed_);
    } else {
      wire::SnappyEncode(base::AsBytes(message_), &compressed_);
    }
    shipment->body.assign(compressed_);
  }
}

bool MessageEncoder::Resolve(SendProbe::Kind kind, model::SeriesRef ref, model::Timestamp t,
                             model::Timestamp oldest) {
  if (t < oldest) {
    probe_.Dropped(kind, "too_old").Add();
    return false;
  }
  switch (as_symbols_ ? labels_.Resolve(ref, &v2_.symbols(), &refs_)
                      : labels_.Resolve(ref, &span_)) {
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

const model::Metadata* MessageEncoder::MetadataOf(model::SeriesRef ref) {
  if (source_.MetadataOf(ref, &metadata_)) {
    return &metadata_;
  }
  if (families_.empty()) {
    return nullptr;
  }
  for (size_t i = 0; i + 1 < refs_.size(); i += 2) {
    if (refs_[i] != name_symbol_) {
      continue;
    }
    const uint32_t name = refs_[i + 1];
    if (name >= known_.size()) {
      known_.resize(name + 1);
    }
    if (!known_[name]) {
      known_[name] = families_.Find(v2_.symbols().Text(name));
    }
    return *known_[name];
  }
  return nullptr;
}

void MessageEncoder::EncodeV1(model::Timestamp oldest, Shipment* shipment) {
  wire::WriteEncoderV1 encoder(&message_);
  std::erase_if(shipment->samples, [&](const storage::RefSample& sample) {
    if (!Resolve(SendProbe::Kind::kSamples, sample.ref, sample.t, oldest)) {
      return true;
    }
    encoder.AddSample(span_, {sample.t, sample.v});
    return false;
  });
  shipment->body_samples = shipment->samples.size();
  if (config_.send_native_histograms) {
    std::erase_if(shipment->histograms, [&](const storage::RefHistogram& h) {
      const int32_t schema = h.is_float ? h.float_histogram.schema : h.histogram.schema;
      if (schema == model::kCustomBucketsSchema) {
        probe_.Dropped(SendProbe::Kind::kHistograms, "nhcb_in_rw1_not_supported").Add();
        return true;
      }
      if (!Resolve(SendProbe::Kind::kHistograms, h.ref, h.t, oldest)) {
        return true;
      }
      if (h.is_float) {
        encoder.AddHistogram(span_, h.t, h.float_histogram);
      } else {
        encoder.AddHistogram(span_, h.t, h.histogram);
      }
      return false;
    });
    shipment->body_histograms = shipment->histograms.size();
  }
  if (config_.send_exemplars) {
    std::erase_if(shipment->exemplars, [&](const storage::RefExemplar& exemplar) {
      if (!Resolve(SendProbe::Kind::kExemplars, exemplar.ref, exemplar.exemplar.t, oldest)) {
        return true;
      }
      encoder.AddExemplar(span_, exemplar.exemplar);
      return false;
    });
    shipment->body_exemplars = shipment->exemplars.size();
  }
}

void MessageEncoder::EncodeV2(model::Timestamp oldest, Shipment* shipment) {
  v2_.Reset();
  name_symbol_ = v2_.symbols().Add(model::kMetricName);
  known_.clear();
  std::erase_if(shipment->samples, [&](const storage::RefSample& sample) {
    if (!Resolve(SendProbe::Kind::kSamples, sample.ref, sample.t, oldest)) {
      return true;
    }
    v2_.AddSample(refs_, {sample.t, sample.v, 0}, MetadataOf(sample.ref));
    return false;
  });
  shipment->body_samples = shipment->samples.size();
  if (config_.send_native_histograms) {
    std::erase_if(shipment->histograms, [&](const storage::RefHistogram& h) {
      if (!Resolve(SendProbe::Kind::kHistograms, h.ref, h.t, oldest)) {
        return true;
      }
      const model::Metadata* known = MetadataOf(h.ref);
      if (h.is_float) {
        v2_.AddHistogram(refs_, h.t, h.float_histogram, 0, known);
      } else {
        v2_.AddHistogram(refs_, h.t, h.histogram, 0, known);
      }
      return false;
    });
    shipment->body_histograms = shipment->histograms.size();
  }
  if (config_.send_exemplars) {
    std::erase_if(shipment->exemplars, [&](const storage::RefExemplar& exemplar) {
      if (!Resolve(SendProbe::Kind::kExemplars, exemplar.ref, exemplar.exemplar.t, oldest)) {
        return true;
      }
      v2_.AddExemplar(refs_, exemplar.exemplar);
      return false;
    });
    shipment->body_exemplars = shipment->exemplars.size();
  }
  v2_.Finish(&message_);
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
