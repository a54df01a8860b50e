// A zip archive of a few small files, stored as they are: what an artifact is downloaded as.

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** What a local header and the directory say alike: version, flags (names are UTF-8), stored, 1980-01-01, sum, sizes. */
function common(name, bytes) {
  const record = Buffer.alloc(26);
  record.writeUInt16LE(20, 0);
  record.writeUInt16LE(0x0800, 2);
  record.writeUInt16LE(0x21, 8);
  record.writeUInt32LE(crc32(bytes), 10);
  record.writeUInt32LE(bytes.length, 14);
  record.writeUInt32LE(bytes.length, 18);
  record.writeUInt16LE(name.length, 22);
  return record;
}

/** `{ name: text }` as an archive. */
export function zipOf(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [path, text] of Object.entries(files)) {
    const [name, bytes] = [Buffer.from(path), Buffer.from(text)];
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common(name, bytes), name, bytes]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common(name, bytes), rest, name);
    parts.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, listed, end]);
}
