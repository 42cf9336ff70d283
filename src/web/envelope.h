// The API's answer envelope: {"status":"success","data":…,"warnings":[…]} or
// {"status":"error","errorType":…,"error":…}. Source: Prometheus web/api/v1/api.go.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http_server.h"
#include "wire/json_writer.h"

namespace tributary::web {

enum class ErrorType : unsigned char {
  kBadData,
  kExecution,
  kCanceled,
  kTimeout,
  kInternal,
  kUnavailable,
  kNotFound,
};

void RespondError(net::ResponseWriter& response, ErrorType type, std::string_view message);
// An error of a floor below.
void RespondError(net::ResponseWriter& response, const base::Error& error);
// bad_data: invalid parameter "name": message
void RespondInvalidParam(net::ResponseWriter& response, std::string_view name,
                         std::string_view message);

// Streams a successful answer: construct, write one value to data(), Finish(). Memory is bounded
// whatever the size of the value.
class Envelope {
 public:
  explicit Envelope(net::ResponseWriter& response);
  wire::JsonWriter& data() { return json_; }
  // Writes at most ten of each, and how many more there were.
  void Finish(const std::vector<std::string>& warnings = {},
              const std::vector<std::string>& infos = {});

 private:
  std::string buffer_;
  wire::JsonWriter json_;
};

}  // namespace tributary::web
