#include "net/server/request_parser.h"

#include <optional>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/strings.h"

namespace tributary::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string Str(BeastView s) { return std::string(s.data(), s.size()); }

class Parser final : public http::basic_parser<true> {
 public:
  RequestHead head;
  bool has_transfer_encoding = false;
  std::string* body = nullptr;
  size_t max_body_bytes = 0;

 private:
  void on_request_impl(http::verb, BeastView method, BeastView target, int version,
                       error_code&) override {
    head.method = Str(method);
    head.target = Str(target);
    head.http_1_0 = version < 11;
  }
  void on_response_impl(int, BeastView, int, error_code&) override {}
  void on_field_impl(http::field name, BeastView name_text, BeastView value, error_code&) override {
    if (body != nullptr) return;  // a trailer: nobody asked for it
    if (name == http::field::transfer_encoding) has_transfer_encoding = true;
    head.headers.Add(Str(name_text), Str(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastView data, error_code&) override { return data.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView data, error_code& ec) override {
    if (data.size() > max_body_bytes - body->size()) {
      ec = http::error::body_limit;
      return 0;
    }
    body->append(data.data(), data.size());
    return data.size();
  }
  void on_finish_impl(error_code&) override {}
};

}  // namespace

struct RequestParser::Impl {
  std::optional<Parser> parser;
};

RequestParser::RequestParser(size_t max_header_bytes)
    : max_header_bytes_(max_header_bytes), impl_(std::make_unique<Impl>()) {
  Reset();
}

RequestParser::~RequestParser() = default;

void RequestParser::Reset() {
  impl_->parser.emplace();
  impl_->parser->header_limit(static_cast<std::uint32_t>(max_header_bytes_));
  impl_->parser->body_limit(boost::none);
}

const RequestHead& RequestParser::head() const { return impl_->parser->head; }

RequestParser::Outcome RequestParser::Fail(int status, std::string_view reason) {
  failure_ = {status, reason};
  return Outcome::kError;
}

RequestParser::Outcome RequestParser::ParseHead(std::string_view data, size_t* consumed) {
  Parser& parser = *impl_->parser;
  *consumed = 0;
  while (!parser.is_header_done()) {
    error_code ec;
    const std::string_view rest = data.substr(*consumed);
    *consumed += parser.put(boost::asio::const_buffer(rest.data(), rest.size()), ec);
    if (ec == http::error::need_more) {
      if (data.size() - *consumed >= max_header_bytes_) {
        return Fail(431, "request header fields too large");
      }
      return Outcome::kNeedMore;
    }
    if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
      return Fail(431, "request header fields too large");
    }
    if (ec == http::error::bad_version) return Fail(505, "unsupported http version");
    if (ec) return Fail(400, "malformed request");
  }
  RequestHead& head = parser.head;
  head.keep_alive = parser.keep_alive();
  head.chunked = parser.chunked();
  if (parser.has_transfer_encoding && (!head.chunked || head.http_1_0)) {
    return Fail(501, "unsupported transfer encoding");
  }
  if (!head.http_1_0 && !head.headers.Has("Host")) return Fail(400, "missing host header");
  head.content_length = parser.content_length().value_or(0);
  const std::string_view expect = head.headers.Get("Expect");
  if (!expect.empty()) {
    if (!base::EqualsIgnoreCase(expect, "100-continue")) return Fail(417, "unknown expectation");
    head.expects_continue = !head.http_1_0;
  }
  return Outcome::kDone;
}

RequestParser::Outcome RequestParser::ParseChunked(std::string_view data, size_t max_body_bytes,
                                                   std::string* body, size_t* consumed) {
  Parser& parser = *impl_->parser;
  parser.body = body;
  parser.max_body_bytes = max_body_bytes;
  *consumed = 0;
  while (!parser.is_done()) {
    error_code ec;
    const std::string_view rest = data.substr(*consumed);
    *consumed += parser.put(boost::asio::const_buffer(rest.data(), rest.size()), ec);
    if (ec == http::error::need_more || (!ec && *consumed == data.size() && !parser.is_done())) {
      // Chunk extensions and trailers are the only things that can pile up here.
      if (data.size() - *consumed >= max_header_bytes_) return Fail(400, "chunk header too large");
      return Outcome::kNeedMore;
    }
    if (ec == http::error::body_limit) return Fail(413, "request body too large");
    if (ec) return Fail(400, "malformed chunked body");
  }
  return Outcome::kDone;
}

}  // namespace tributary::net
