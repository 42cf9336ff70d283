#include "wire/remote_read.h"

#include <array>

#include <fmt/format.h>

#include "wire/protobuf.h"

namespace tributary::wire {
namespace {

using base::Result;
using base::Status;

constexpr uint32_t kVarintField1 = ProtoTag(1, WireType::kVarint);
constexpr uint32_t kVarintField2 = ProtoTag(2, WireType::kVarint);
constexpr uint32_t kBytesField1 = ProtoTag(1, WireType::kBytes);
constexpr uint32_t kBytesField2 = ProtoTag(2, WireType::kBytes);
constexpr uint32_t kBytesField3 = ProtoTag(3, WireType::kBytes);
constexpr uint32_t kBytesField4 = ProtoTag(4, WireType::kBytes);

Status DecodeMatcher(std::string_view message, const char* origin, ReadQuery* query) {
  static constexpr std::array kTypes{model::MatchType::kEqual, model::MatchType::kNotEqual,
                                     model::MatchType::kRegexp, model::MatchType::kNotRegexp};
  uint64_t type = 0;
  std::string_view name;
  std::string_view value;
  ProtoReader reader(message, origin);
  while (reader.Next()) {
    switch (reader.tag()) {
      case kVarintField1:
        type = reader.Varint();
        break;
      case kBytesField2:
        name = reader.Bytes();
        break;
      case kBytesField3:
        value = reader.Bytes();
        break;
      default:
        reader.Skip(ProtoFields(1, 2, 3));
    }
  }
  RETURN_IF_ERROR(reader.status());
  if (type >= kTypes.size()) {
    return base::InvalidArgument(fmt::format("matcher of unknown type {}", type));
  }
  ASSIGN_OR_RETURN(model::Matcher matcher,
                   model::Matcher::Create(kTypes[type], std::string(name), std::string(value)));
  query->matchers.push_back(std::move(matcher));
  return {};
}

Status DecodeHints(std::string_view message, const char* origin, ReadQuery* query) {
  ProtoReader reader(message, origin);
  while (reader.Next()) {
    switch (reader.tag()) {
      case kVarintField1:
        query->step_ms = static_cast<int64_t>(reader.Varint());
        break;
      case ProtoTag(7, WireType::kVarint):
        query->range_ms = static_cast<int64_t>(reader.Varint());
        break;
      default:
        reader.Skip(ProtoFields(1, 7));
    }
  }
  return reader.status();
}

Status DecodeQuery(std::string_view message, const char* origin, ReadQuery* query) {
  ProtoReader reader(message, origin);
  while (reader.Next()) {
    switch (reader.tag()) {
      case kVarintField1:
        query->start = static_cast<int64_t>(reader.Varint());
        break;
      case kVarintField2:
        query->end = static_cast<int64_t>(reader.Varint());
        break;
      case kBytesField3:
        RETURN_IF_ERROR(DecodeMatcher(reader.Bytes(), origin, query));
        break;
      case kBytesField4:
        RETURN_IF_ERROR(DecodeHints(reader.Bytes(), origin, query));
        break;
      default:
        reader.Skip(ProtoFields(1, 2, 3, 4));
    }
  }
  return reader.status();
}

void Accept(uint64_t type, ReadRequest* request) {
  request->names_types = true;
  if (type > 1) return;
  // Two types there are; a message that names them a million times says no more.
  if (request->accepted.size() < 2) {
    request->accepted.push_back(static_cast<ReadResponseType>(type));
  }
}

}  // namespace

Result<ReadRequest> DecodeReadRequest(std::string_view message) {
  ReadRequest request;
  ProtoReader reader(message);
  while (reader.Next()) {
    switch (reader.tag()) {
      case kBytesField1:
        request.queries.emplace_back();
        RETURN_IF_ERROR(DecodeQuery(reader.Bytes(), message.data(), &request.queries.back()));
        break;
      case kVarintField2:
        Accept(reader.Varint(), &request);
        break;
      case kBytesField2: {
        const std::string_view packed = reader.Bytes();
        const char* p = packed.data();
        const char* const end = p + packed.size();
        while (p != nullptr && p < end) {
          uint64_t type = 0;
          p = ReadVarint(p, end, &type);
          if (p != nullptr) Accept(type, &request);
        }
        if (p == nullptr) reader.Fail("a varint");
        break;
      }
      default:
        reader.Skip(ProtoFields(1, 2));
    }
  }
  RETURN_IF_ERROR(reader.status());
  return request;
}

void PutReadLabels(model::LabelSpan labels, std::string* out) {
  for (const model::Label& label : labels) {
    PutRawVarint(out, kBytesField1);
    PutRawVarint(out, BytesFieldSize(1, label.name.size()) + BytesFieldSize(2, label.value.size()));
    PutBytes(out, 1, label.name);
    PutBytes(out, 2, label.value);
  }
}

void PutReadSample(model::Sample sample, std::string* out) {
  std::string encoded;
  PutDouble(&encoded, 1, sample.v);
  PutVarint(&encoded, 2, static_cast<uint64_t>(sample.t));
  PutBytes(out, 2, encoded);
}

void PutReadHistogram(std::string_view encoded, std::string* out) { PutBytes(out, 4, encoded); }
void PutReadSeries(std::string_view series, std::string* result) { PutBytes(result, 1, series); }
void PutReadResult(std::string_view result, std::string* response) {
  PutBytes(response, 1, result);
}

void PutReadChunk(const ReadChunk& chunk, std::string* out) {
  const std::string_view data(reinterpret_cast<const char*>(chunk.data.data()), chunk.data.size());
  std::string encoded;
  if (chunk.min_time != 0) PutVarint(&encoded, 1, static_cast<uint64_t>(chunk.min_time));
  if (chunk.max_time != 0) PutVarint(&encoded, 2, static_cast<uint64_t>(chunk.max_time));
  PutVarint(&encoded, 3, chunk.type);
  PutBytes(&encoded, 4, data);
  PutBytes(out, 2, encoded);
}

void EncodeChunkedReadResponse(std::string_view labels, std::string_view chunks,
                               uint64_t query_index, std::string* out) {
  PutRawVarint(out, kBytesField1);
  PutRawVarint(out, labels.size() + chunks.size());
  out->append(labels).append(chunks);
  if (query_index != 0) PutVarint(out, 2, query_index);
}

}  // namespace tributary::wire
