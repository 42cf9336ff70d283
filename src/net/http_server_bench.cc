// What HTTP costs around a handler that does nothing: one keep-alive connection over loopback,
// CPU of the whole process (the raw client's send and recv included).
#include <string>

#include <benchmark/benchmark.h>

#include "net/http_server.h"
#include "net/testing/raw_socket.h"

namespace tributary::net {
namespace {

void BM_Request(benchmark::State& state) {
  HttpServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  size_t received = 0;
  auto server =
      HttpServer::Create(options, nullptr, [&](Request& request, ResponseWriter& response) {
        received += request.body().size();
        response.SetStatus(204);
      }).value();
  server->Start();
  testing::RawSocket socket(server->ports()[0]);
  const std::string body(static_cast<size_t>(state.range(0)), 'x');
  const std::string request =
      "POST /api/v1/write HTTP/1.1\r\nHost: 127.0.0.1:9090\r\nUser-Agent: bench/1\r\n"
      "Content-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n"
      "X-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  for (auto _ : state) {
    socket.Send(request);
    socket.Read("\r\n\r\n");
  }
  state.SetBytesProcessed(static_cast<int64_t>(received));
}
BENCHMARK(BM_Request)->Arg(0)->Arg(1'000)->Arg(64'000)->Arg(1'000'000)->MeasureProcessCPUTime();

}  // namespace
}  // namespace tributary::net
