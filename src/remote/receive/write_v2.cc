#include "remote/receive/write_v2.h"

#include <bit>

#include <fmt/format.h>

#include "remote/receive/fingerprint.h"

namespace tributary::remote {
namespace {

constexpr uint64_t kMultiplierA = 0x9e3779b97f4a7c15;
constexpr uint64_t kMultiplierB = 0xc2b2ae3d27d4eb4f;

uint64_t Finalize(uint64_t h) {
  h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
  h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
  return h ^ h >> 33;
}

// The symbols' hashes are seeded with a secret, so nobody can aim at a collision here; the mix has
// only to keep order and pairing. A name and its value meet in one 128-bit product, off the path
// that runs from pair to pair.
base::Hash128 MixPairs(std::span<const uint32_t> refs, std::span<const base::Hash128> hashes) {
  uint64_t a = refs.size();
  uint64_t b = ~a;
  for (size_t i = 0; i + 1 < refs.size(); i += 2) {
    const base::Hash128& name = hashes[refs[i]];
    const base::Hash128& value = hashes[refs[i + 1]];
    const auto product =
        static_cast<unsigned __int128>(name.low ^ kMultiplierB) * (value.low ^ kMultiplierA);
    a = (a ^ static_cast<uint64_t>(product) ^ value.high) * kMultiplierA;
    b = (std::rotl(b, 29) ^ static_cast<uint64_t>(product >> 64) ^ name.high) * kMultiplierB;
  }
  return {.low = Finalize(a ^ b >> 32), .high = Finalize(b ^ a >> 32)};
}

}  // namespace

base::Status WriteV2::Run(std::string_view message, BatchWriter& writer) {
  writer_ = &writer;
  scratch_.refs.clear();
  RETURN_IF_ERROR(wire::DecodeWriteV2(message, &scratch_.symbols, this));
  writer.Flush();
  return base::OkStatus();
}

void WriteV2::OnSymbols(std::span<const std::string_view> symbols) {
  scratch_.hashes.resize(symbols.size());
  for (size_t i = 0; i < symbols.size(); ++i) scratch_.hashes[i] = Fingerprint(symbols[i]);
}

void WriteV2::OnSeries(const wire::WriteSeriesV2& series) {
  const uint64_t samples = series.samples.size() + series.histograms.size();
  if (!series.problem.empty()) {
    writer_->Reject(series.problem,
                    fmt::format("a series of {} label refs", series.label_refs.size()), samples);
    return;
  }
  PendingSeries pending;
  pending.refs_begin = static_cast<uint32_t>(scratch_.refs.size());
  pending.refs_size = static_cast<uint32_t>(series.label_refs.size());
  pending.key = MixPairs(series.label_refs, scratch_.hashes);
  scratch_.refs.insert(scratch_.refs.end(), series.label_refs.begin(), series.label_refs.end());
  if (samples == 0 && series.exemplars.empty()) {
    writer_->Reject("TimeSeries must contain at least one sample or histogram",
                    fmt::format("series {}", writer_->Describe(pending)), 0);
    return;
  }
  writer_->AddSeries(pending);
  for (const wire::WriteSampleV2& sample : series.samples) {
    writer_->AddSample(sample.t, sample.v, sample.start);
  }
  for (const std::string_view encoded : series.histograms) writer_->AddHistogram(encoded);
  for (const std::string_view encoded : series.exemplars) writer_->AddExemplar(encoded);
  AddMetadata(series.metadata);
}

void WriteV2::AddMetadata(const wire::WriteMetadataV2& metadata) {
  const std::string_view help =
      metadata.help_ref < scratch_.symbols.size() ? scratch_.symbols[metadata.help_ref] : "";
  const std::string_view unit =
      metadata.unit_ref < scratch_.symbols.size() ? scratch_.symbols[metadata.unit_ref] : "";
  if (metadata.type == model::MetricType::kUnknown && help.empty() && unit.empty()) return;
  const uint32_t refs[] = {metadata.help_ref, metadata.unit_ref};
  base::Hash128 content = MixPairs(refs, scratch_.hashes);
  content.low += static_cast<uint64_t>(metadata.type) * kMultiplierB;
  writer_->AddMetadata(
      {.series = 0, .content = content, .type = metadata.type, .help = help, .unit = unit});
}

base::Status WriteV2::Labels(const PendingSeries& series, std::vector<model::Label>* out) {
  wire::WriteSeriesV2 view;
  view.label_refs = std::span(scratch_.refs).subspan(series.refs_begin, series.refs_size);
  wire::ResolveLabelsV2(view, scratch_.symbols, out);
  return base::OkStatus();
}

base::Result<model::Exemplar> WriteV2::DecodeExemplar(std::string_view encoded) {
  return wire::DecodeExemplarV2(encoded, scratch_.symbols);
}

}  // namespace tributary::remote
