#include "wire/histogram_fields.h"

namespace tributary::wire {

void ReadSpan(ProtoReader& outer, std::vector<model::BucketSpan>* spans) {
  ProtoReader r(outer.Bytes());
  model::BucketSpan span;
  while (r.Next()) {
    switch (r.tag()) {
      case ProtoTag(1, WireType::kVarint):
        span.offset = static_cast<int32_t>(r.ZigZag());
        break;
      case ProtoTag(2, WireType::kVarint):
        span.length = static_cast<uint32_t>(r.Varint());
        break;
      default:
        r.Skip(ProtoFields(1, 2));
    }
  }
  if (!r.ok()) outer.Fail("a bucket span");
  spans->push_back(span);
}

void ReadPackedDeltas(ProtoReader& outer, std::vector<int64_t>* deltas) {
  const std::string_view packed = outer.Bytes();
  const char* p = packed.data();
  const char* end = p + packed.size();
  while (p < end) {
    uint64_t v = 0;
    p = ReadVarint(p, end, &v);
    if (p == nullptr) return outer.Fail("packed varints");
    deltas->push_back(ZigZagDecode(v));
  }
}

void ReadPackedDoubles(ProtoReader& outer, std::vector<double>* values) {
  const std::string_view packed = outer.Bytes();
  if (packed.size() % 8 != 0) return outer.Fail("packed doubles");
  for (size_t i = 0; i < packed.size(); i += 8) values->push_back(LoadDouble(packed.data() + i));
}

}  // namespace tributary::wire
