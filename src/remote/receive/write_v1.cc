#include "remote/receive/write_v1.h"

#include "remote/receive/fingerprint.h"

namespace tributary::remote {

base::Status WriteV1::Run(std::string_view message, BatchWriter& writer) {
  writer_ = &writer;
  RETURN_IF_ERROR(wire::DecodeWriteV1(message, this));
  writer.Flush();
  return base::OkStatus();
}

void WriteV1::OnSeries(const wire::WriteSeriesV1& series) {
  PendingSeries pending;
  pending.scattered = !series.scattered.empty();
  pending.encoded = pending.scattered ? series.scattered : series.raw_labels;
  if (!pending.scattered) pending.key = Fingerprint(pending.encoded);
  writer_->AddSeries(pending);
  for (const model::Sample& sample : series.samples) writer_->AddSample(sample.t, sample.v);
  for (const std::string_view encoded : series.histograms) writer_->AddHistogram(encoded);
  for (const std::string_view encoded : series.exemplars) writer_->AddExemplar(encoded);
}

void WriteV1::OnMetadata(const wire::WriteMetadataV1& metadata) {
  writer_->AddFamily(metadata.family, metadata.type, metadata.help, metadata.unit);
}

base::Status WriteV1::Labels(const PendingSeries& series, std::vector<model::Label>* out) {
  wire::WriteSeriesV1 view;
  (series.scattered ? view.scattered : view.raw_labels) = series.encoded;
  return wire::SplitLabelsV1(view, out);
}

base::Result<model::Exemplar> WriteV1::DecodeExemplar(std::string_view encoded) {
  return wire::DecodeExemplarV1(encoded);
}

}  // namespace tributary::remote
