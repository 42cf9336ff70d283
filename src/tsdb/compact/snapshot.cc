#include "tsdb/compact/snapshot.h"

#include <vector>

#include "tsdb/block/chunk_files.h"

namespace tributary::tsdb {

base::Status LinkBlock(base::FileSystem& fs, const Block& block, const std::string& parent) {
  const std::string dir = base::JoinPath(parent, block.meta().ulid);
  const std::string chunks = base::JoinPath(dir, kChunksDir);
  const std::string from = base::JoinPath(block.dir(), kChunksDir);
  RETURN_IF_ERROR(fs.CreateDirs(chunks));
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> files, fs.List(from));
  for (const base::DirEntry& file : files) {
    RETURN_IF_ERROR(
        fs.HardLink(base::JoinPath(from, file.name), base::JoinPath(chunks, file.name)));
  }
  RETURN_IF_ERROR(fs.SyncDir(chunks));
  for (const std::string_view name : {kIndexFile, kTombstonesFile, kMetaFile}) {
    const std::string path = base::JoinPath(block.dir(), name);
    ASSIGN_OR_RETURN(const bool exists, fs.Exists(path));
    if (exists) RETURN_IF_ERROR(fs.HardLink(path, base::JoinPath(dir, name)));
  }
  return fs.SyncDir(dir);
}

}  // namespace tributary::tsdb
