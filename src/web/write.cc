// /api/v1/write, otlp/v1/metrics.
#include "remote/receive/write_handler.h"
#include "remote/write_offer.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

void Write(const Context& context, Call& call) {
  if (context.services.write == nullptr) {
    return RespondText(call.response, 404,
                       "remote write receiver needs to be enabled with "
                       "--web.enable-remote-write-receiver");
  }
  remote::WriteRequest request;
  request.content_type = call.request.header("Content-Type");
  request.content_encoding = call.request.header("Content-Encoding");
  request.user = call.user;
  request.body = call.request.body();
  const remote::WriteResponse answer = context.services.write->Handle(request);
  call.response.SetHeader(remote::kOfferedCodingsHeader, std::string(remote::kOfferedCodings));
  call.response.SetHeader(remote::kOfferedMessagesHeader, std::string(answer.accepted_messages));
  call.response.SetHeader(remote::kOutOfOrderWindowHeader,
                          std::to_string(answer.out_of_order_window_ms / 1000));
  if (answer.has_written) {
    call.response.SetHeader("X-Prometheus-Remote-Write-Samples-Written",
                            std::to_string(answer.samples_written));
    call.response.SetHeader("X-Prometheus-Remote-Write-Histograms-Written",
                            std::to_string(answer.histograms_written));
    call.response.SetHeader("X-Prometheus-Remote-Write-Exemplars-Written",
                            std::to_string(answer.exemplars_written));
  }
  if (answer.retry_after_seconds > 0) {
    call.response.SetHeader("Retry-After", std::to_string(answer.retry_after_seconds));
  }
  if (answer.error.empty()) {
    call.response.SetStatus(answer.status);
  } else {
    RespondText(call.response, answer.status, answer.error);
  }
}

}  // namespace

void AddWriteRoutes(Router& router, const Context& context) {
  RouteOptions options;
  options.methods = kPost;
  options.needs = Needs::kStore;
  router.Add("/api/v1/write", options, [&context](Call& call) { Write(context, call); });
  router.Add("/api/v1/otlp/v1/metrics", options, [](Call& call) {
    RespondText(call.response, 404,
                "otlp write receiver needs to be enabled with --web.enable-otlp-receiver");
  });
}

}  // namespace tributary::web
