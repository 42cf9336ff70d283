#include "remote/receive/request_body.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/compression.h"

namespace tributary::remote {
namespace {

constexpr std::string_view kMediaType = "application/x-protobuf";
constexpr std::string_view kProtoV1 = "prometheus.WriteRequest";
constexpr std::string_view kProtoV2 = "io.prometheus.write.v2.Request";
constexpr size_t kMaxQuoted = 200;

}  // namespace

base::Result<WriteProtocol> ParseWriteContentType(std::string_view content_type) {
  content_type = base::TrimSpace(content_type);
  if (content_type.empty()) return WriteProtocol::kV1;
  const std::string_view shown = content_type.substr(0, kMaxQuoted);
  bool first = true;
  for (std::string_view part : base::Split(content_type, ';')) {
    part = base::TrimSpace(part);
    if (first) {
      if (!base::EqualsIgnoreCase(part, kMediaType)) {
        return base::InvalidArgument(fmt::format(
            "expected {} as the first (media) part, got {} content-type", kMediaType, shown));
      }
      first = false;
      continue;
    }
    const size_t equal = part.find('=');
    if (equal == std::string_view::npos) {
      return base::InvalidArgument(
          fmt::format("expected content-type parameters to be key=value, got {} in {} content-type",
                      part, shown));
    }
    if (!base::EqualsIgnoreCase(part.substr(0, equal), "proto")) continue;
    std::string_view proto = part.substr(equal + 1);
    if (proto.size() >= 2 && proto.front() == '"' && proto.back() == '"') {
      proto = proto.substr(1, proto.size() - 2);
    }
    if (proto == kProtoV1) return WriteProtocol::kV1;
    if (proto == kProtoV2) return WriteProtocol::kV2;
    return base::InvalidArgument(
        fmt::format("unknown remote write protobuf message {}, supported: "
                    "{}, {}",
                    proto.substr(0, kMaxQuoted), kProtoV1, kProtoV2));
  }
  return WriteProtocol::kV1;
}

base::Result<BodyEncoding> ParseBodyEncoding(std::string_view content_encoding) {
  content_encoding = base::TrimSpace(content_encoding);
  if (content_encoding.empty() || base::EqualsIgnoreCase(content_encoding, "snappy")) {
    return BodyEncoding::kSnappy;
  }
  if (base::EqualsIgnoreCase(content_encoding, "zstd")) return BodyEncoding::kZstd;
  if (base::EqualsIgnoreCase(content_encoding, "gzip")) return BodyEncoding::kGzip;
  return base::InvalidArgument(
      fmt::format("{} encoding (compression) is not accepted by this "
                  "server; only snappy, zstd and gzip are",
                  content_encoding.substr(0, kMaxQuoted)));
}

base::Status UnpackBody(BodyEncoding encoding, std::string_view body, size_t max_bytes,
                        std::string* out) {
  switch (encoding) {
    case BodyEncoding::kSnappy:
      return wire::SnappyDecode(base::AsBytes(body), max_bytes, out);
    case BodyEncoding::kZstd:
      return wire::ZstdDecode(base::AsBytes(body), max_bytes, out);
    case BodyEncoding::kGzip:
      return wire::GzipDecode(base::AsBytes(body), max_bytes, out);
  }
  return base::Internal("unknown body encoding");
}

}  // namespace tributary::remote
