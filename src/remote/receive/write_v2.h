// Remote write 2.0 messages -> BatchWriter.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "remote/receive/batch_writer.h"
#include "wire/remote_write_v2.h"

namespace tributary::remote {

struct WriteV2Scratch {
  std::vector<std::string_view> symbols;
  std::vector<base::Hash128> hashes;  // of the symbols
  std::vector<uint32_t> refs;         // label refs of the series of one batch
};

// One message. Every symbol is hashed once; a series' fingerprint is mixed from those.
class WriteV2 final : public SeriesSource, private wire::WriteVisitorV2 {
 public:
  explicit WriteV2(WriteV2Scratch& scratch) : scratch_(scratch) {}
  // An error: the message is broken. The writer's own failure is to be looked at beside.
  base::Status Run(std::string_view message, BatchWriter& writer);

  base::Status Labels(const PendingSeries& series, std::vector<model::Label>* out) override;
  base::Result<model::Exemplar> DecodeExemplar(std::string_view encoded) override;

 private:
  void OnSymbols(std::span<const std::string_view> symbols) override;
  void OnSeries(const wire::WriteSeriesV2& series) override;
  void AddMetadata(const wire::WriteMetadataV2& metadata);

  WriteV2Scratch& scratch_;
  BatchWriter* writer_ = nullptr;
};

}  // namespace tributary::remote
