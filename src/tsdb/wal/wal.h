// wal: the write-ahead log, byte for byte Prometheus's (tsdb/docs/format/wal.md, corrected where
// its code differs: docs/format/wal.md here).
//   RecordBatch   the encoded records of one commit                        record.h
//   WalWriter     appends batches to numbered segments, group commit        wal_writer.h
//   WalReader     reads segments in order, names every damaged place        wal_reader.h
//   WalTail       how far the log is written; followers wait on it          wal_tail.h
//   OpenWalCursor follows a growing log for remote write                    wal_cursor.h
//   Checkpoint    rewrites old segments without what is no longer needed    checkpoint.h
// Both stores, the head and the agent's, are built on these; they know of neither.
#pragma once
