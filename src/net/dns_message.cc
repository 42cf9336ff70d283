#include "net/dns_message.h"

#include <arpa/inet.h>
#include <array>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::net {
namespace {

constexpr size_t kHeaderSize = 12;
constexpr uint16_t kClassIn = 1;
constexpr uint16_t kTypeOpt = 41;
constexpr uint16_t kRecursionDesired = 0x0100;
constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxName = 255;

void Put16(std::string* out, unsigned v) {
  out->push_back(static_cast<char>(v >> 8));
  out->push_back(static_cast<char>(v & 0xff));
}

// Reads numbers and names; the first read beyond the end makes all that follow fail.
class Reader {
 public:
  explicit Reader(std::string_view message) : message_(message) {}

  bool ok() const { return ok_; }
  size_t position() const { return at_; }

  uint8_t U8() {
    if (at_ >= message_.size()) ok_ = false;
    return ok_ ? static_cast<uint8_t>(message_[at_++]) : 0;
  }
  uint16_t U16() {
    const unsigned high = U8();
    return static_cast<uint16_t>(high << 8 | U8());
  }
  void Skip(size_t n) {
    if (n > message_.size() - at_) {
      ok_ = false;
    } else {
      at_ += n;
    }
  }
  void MoveTo(size_t at) { at_ = at; }

  // With its final dot. Pointers may only lead back, so that they end.
  std::string Name() {
    std::string name;
    size_t resume = 0;
    size_t limit = at_;
    while (ok_ && name.size() <= 4 * kMaxName) {
      const uint8_t length = U8();
      if (length == 0) {
        if (resume != 0) at_ = resume;
        return name.empty() ? "." : name;
      }
      if ((length & 0xc0) == 0xc0) {
        const size_t target = static_cast<size_t>(length & 0x3f) << 8 | U8();
        if (resume == 0) resume = at_;
        if (target >= limit) break;
        at_ = limit = target;
        continue;
      }
      if (length > kMaxLabel || length > message_.size() - at_) break;
      for (const char c : message_.substr(at_, length)) AppendEscaped(c, &name);
      name.push_back('.');
      at_ += length;
    }
    ok_ = false;
    return {};
  }

 private:
  static void AppendEscaped(char c, std::string* out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f) {
      out->append(fmt::format("\\{:03}", byte));
      return;
    }
    if (c == '.' || c == '\\' || c == '"' || c == '(' || c == ')' || c == ';' || c == '@') {
      out->push_back('\\');
    }
    out->push_back(c);
  }

  std::string_view message_;
  size_t at_ = 0;
  bool ok_ = true;
};

template <int kFamily, size_t kSize>
std::string Address(Reader* r) {
  std::array<uint8_t, kSize> bytes{};
  for (uint8_t& byte : bytes) byte = r->U8();
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(kFamily, bytes.data(), text.data(), text.size());
  return text.data();
}

// False: a type nobody asked for.
bool ReadData(uint16_t type, Reader* r, DnsRecord* record) {
  record->type = static_cast<DnsType>(type);
  switch (record->type) {
    case DnsType::kA:
      record->target = Address<AF_INET, 4>(r);
      return true;
    case DnsType::kAaaa:
      record->target = Address<AF_INET6, 16>(r);
      return true;
    case DnsType::kMx:
      r->U16();  // preference
      [[fallthrough]];
    case DnsType::kNs:
    case DnsType::kCname:
      record->target = r->Name();
      return true;
    case DnsType::kSrv:
      r->U16();  // priority
      r->U16();  // weight
      record->port = r->U16();
      record->target = r->Name();
      return true;
  }
  return false;
}

}  // namespace

base::Result<std::string> EncodeDnsQuery(uint16_t id, std::string_view name, DnsType type,
                                         uint16_t udp_size) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string out;
  Put16(&out, id);
  Put16(&out, kRecursionDesired);
  Put16(&out, 1);  // questions
  Put16(&out, 0);
  Put16(&out, 0);
  Put16(&out, udp_size != 0 ? 1 : 0);
  for (const std::string_view label : base::Split(name, '.')) {
    if (name.empty()) break;  // the root
    if (label.empty() || label.size() > kMaxLabel) {
      return base::InvalidArgument(fmt::format("{} is not a DNS name", base::Quote(name)));
    }
    out.push_back(static_cast<char>(label.size()));
    out.append(label);
  }
  out.push_back('\0');
  if (out.size() > kHeaderSize + kMaxName) {
    return base::InvalidArgument(fmt::format("{} is too long for DNS", base::Quote(name)));
  }
  Put16(&out, static_cast<unsigned>(type));
  Put16(&out, kClassIn);
  if (udp_size != 0) {
    out.push_back('\0');
    Put16(&out, kTypeOpt);
    Put16(&out, udp_size);
    out.append(6, '\0');  // extended code, version, flags, no data
  }
  return out;
}

base::Result<DnsResponse> DecodeDnsResponse(std::string_view message, uint16_t id) {
  constexpr uint16_t kIsResponse = 0x8000;
  constexpr uint16_t kTruncated = 0x0200;
  const auto malformed = [] { return base::InvalidArgument("malformed DNS answer"); };
  Reader r(message);
  const bool same_id = r.U16() == id;
  const uint16_t flags = r.U16();
  const uint16_t questions = r.U16();
  const uint16_t answers = r.U16();
  r.Skip(4);
  if (!r.ok()) return malformed();
  if (!same_id || (flags & kIsResponse) == 0) {
    return base::InvalidArgument("not the answer to this DNS query");
  }
  DnsResponse response;
  response.code = static_cast<uint8_t>(flags & 0xf);
  response.truncated = (flags & kTruncated) != 0;
  for (unsigned i = 0; i < questions && r.ok(); ++i) {
    r.Name();
    r.Skip(4);
  }
  // A truncated answer is asked for again: what it holds may be cut anywhere.
  if (response.truncated) return response;
  for (unsigned i = 0; i < answers && r.ok(); ++i) {
    r.Name();
    const uint16_t type = r.U16();
    const uint16_t record_class = r.U16();
    r.Skip(4);  // time to live
    const size_t size = r.U16();
    const size_t begin = r.position();
    r.Skip(size);
    if (!r.ok()) break;
    DnsRecord record;
    Reader data = r;
    data.MoveTo(begin);
    if (record_class != kClassIn || !ReadData(type, &data, &record)) continue;
    if (!data.ok() || data.position() != begin + size) return malformed();
    response.answers.push_back(std::move(record));
  }
  if (!r.ok()) return malformed();
  return response;
}

}  // namespace tributary::net
