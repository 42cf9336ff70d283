// wire: messages and exposition formats: bytes <-> views of what they say. No sockets, no files.
//   remote_write_v1.h   prometheus.WriteRequest, decoded without copying, encoded into one buffer
//   remote_write_v2.h   io.prometheus.write.v2.Request
//   text_parser.h       Prometheus text format 0.0.4 (open_metrics_parser.h, protobuf_parser.h
//   beside) compression.h       snappy (block), zstd, gzip with limits json_writer.h       JSON
//   text in one pass
// Promises: hostile input gives an error that says where, in bounded memory and time.
// Knows nothing of stores, scraping or HTTP.
#pragma once
