// remote: samples to and from other servers.
//   receive/  POST /api/v1/write: messages -> storage::Appendable, with a cache from raw label
//   bytes
//             to series so that a known series never becomes a string
//   send/     storage::WalSource -> remote write endpoints, with a persisted delivered position
// Promises: a delivered position never runs ahead of an acknowledgement; every dropped sample is
// counted with a reason; re-sending is harmless.
#pragma once
