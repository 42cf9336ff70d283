#include "web/envelope.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "web/call.h"

namespace tributary::web {
namespace {

constexpr size_t kFlushBytes = 32 * 1024;
constexpr size_t kMaxAnnotations = 10;

struct TypeInfo {
  std::string_view name;
  int status;
};

TypeInfo InfoOf(ErrorType type) {
  switch (type) {
    case ErrorType::kBadData:
      return {"bad_data", 400};
    case ErrorType::kExecution:
      return {"execution", 422};
    case ErrorType::kCanceled:
      return {"canceled", 499};
    case ErrorType::kTimeout:
      return {"timeout", 503};
    case ErrorType::kInternal:
      return {"internal", 500};
    case ErrorType::kUnavailable:
      return {"unavailable", 500};
    case ErrorType::kNotFound:
      return {"not_found", 404};
  }
  return {"internal", 500};
}

ErrorType TypeOf(base::ErrorCode code) {
  using base::ErrorCode;
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return ErrorType::kBadData;
    case ErrorCode::kNotFound:
      return ErrorType::kNotFound;
    case ErrorCode::kTimeout:
      return ErrorType::kTimeout;
    case ErrorCode::kCancelled:
      return ErrorType::kCanceled;
    case ErrorCode::kExecution:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kUnimplemented:
      return ErrorType::kExecution;
    case ErrorCode::kUnavailable:
      return ErrorType::kUnavailable;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kCorruption:
    case ErrorCode::kIo:
    case ErrorCode::kNoSpace:
    case ErrorCode::kInternal:
      return ErrorType::kInternal;
  }
  return ErrorType::kInternal;
}

void WriteAnnotations(wire::JsonWriter& json, std::string_view key, std::string_view kind,
                      const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  json.Key(key);
  json.BeginArray();
  for (size_t i = 0; i < std::min(texts.size(), kMaxAnnotations); ++i) json.String(texts[i]);
  if (texts.size() > kMaxAnnotations) {
    json.String(
        fmt::format("{} more {} annotations omitted", texts.size() - kMaxAnnotations, kind));
  }
  json.EndArray();
}

}  // namespace

void RespondPlain(net::ResponseWriter& response, int status, std::string_view text) {
  response.SetStatus(status);
  response.SetHeader("Content-Type", "text/plain; charset=utf-8");
  response.Write(text);
}

void RespondText(net::ResponseWriter& response, int status, std::string_view text) {
  response.SetHeader("X-Content-Type-Options", "nosniff");
  RespondPlain(response, status, text);
  response.Write("\n");
}

void RespondRedirect(const net::Request& request, net::ResponseWriter& response, int status,
                     const std::string& location) {
  response.SetStatus(status);
  response.SetHeader("Location", location);
  if (request.method() != "GET" && request.method() != "HEAD") return;
  response.SetHeader("Content-Type", "text/html; charset=utf-8");
  if (request.method() == "HEAD") return;
  std::string href;
  for (const char c : location) {
    switch (c) {
      case '&':
        href += "&amp;";
        break;
      case '<':
        href += "&lt;";
        break;
      case '>':
        href += "&gt;";
        break;
      case '"':
        href += "&#34;";
        break;
      case '\'':
        href += "&#39;";
        break;
      default:
        href += c;
    }
  }
  response.Write(fmt::format("<a href=\"{}\">{}</a>.\n\n", href, net::StatusText(status)));
}

void RespondError(net::ResponseWriter& response, ErrorType type, std::string_view message) {
  const TypeInfo info = InfoOf(type);
  std::string text;
  wire::JsonWriter json(&text);
  json.BeginObject();
  json.Key("status");
  json.String("error");
  json.Key("errorType");
  json.String(info.name);
  json.Key("error");
  json.String(message);
  json.EndObject();
  response.SetStatus(info.status);
  response.SetHeader("Content-Type", "application/json");
  response.Write(text);
}

void RespondError(net::ResponseWriter& response, const base::Error& error) {
  RespondError(response, TypeOf(error.code()), error.message());
}

void RespondInvalidParam(net::ResponseWriter& response, std::string_view name,
                         std::string_view message) {
  RespondError(response, ErrorType::kBadData,
               fmt::format("invalid parameter {}: {}", base::Quote(name), message));
}

Envelope::Envelope(net::ResponseWriter& response)
    : json_(&buffer_, kFlushBytes,
            [&response](std::string_view text) { return response.Write(text); }) {
  response.SetHeader("Content-Type", "application/json");
  json_.BeginObject();
  json_.Key("status");
  json_.String("success");
  json_.Key("data");
}

void Envelope::Finish(const std::vector<std::string>& warnings,
                      const std::vector<std::string>& infos) {
  WriteAnnotations(json_, "warnings", "warning", warnings);
  WriteAnnotations(json_, "infos", "info", infos);
  json_.EndObject();
  json_.Finish();
}

}  // namespace tributary::web
