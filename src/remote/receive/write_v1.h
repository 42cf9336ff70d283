// Remote write 1.0 messages -> BatchWriter.
#pragma once

#include <string_view>
#include <vector>

#include "remote/receive/batch_writer.h"
#include "wire/remote_write_v1.h"

namespace tributary::remote {

// One message.
class WriteV1 final : public SeriesSource, private wire::WriteVisitorV1 {
 public:
  // An error: the message is broken. The writer's own failure is to be looked at beside.
  base::Status Run(std::string_view message, BatchWriter& writer);

  base::Status Labels(const PendingSeries& series, std::vector<model::Label>* out) override;
  base::Result<model::Exemplar> DecodeExemplar(std::string_view encoded) override;

 private:
  void OnSeries(const wire::WriteSeriesV1& series) override;
  void OnMetadata(const wire::WriteMetadataV1& metadata) override;
  BatchWriter* writer_ = nullptr;
};

}  // namespace tributary::remote
