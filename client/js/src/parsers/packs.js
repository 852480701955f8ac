// What the binary parsers msgpack and binary have in common: most of their bytes.
//
// What a peer sends is read within bounds: nothing beyond the packet, no list longer than what is
// left of the packet can hold, no deeper nesting than the limit.

// As deep as AllSpark's server reads. Deeper values are refused in both directions, so that neither
// a peer nor a value that contains itself exhausts the stack.
const PACK_DEPTH_MAX = 512;

export class PackWriter {
  length = 0;
  #bytes = new Uint8Array(128);
  #depth = 0;

  finish() {
    return this.#bytes.subarray(0, this.length);
  }

  byte(value) {
    const offset = this.#reserve(1);
    this.#bytes[offset] = value;
  }

  bytes(values) {
    const offset = this.#reserve(values.length);
    this.#bytes.set(values, offset);
  }

  // A type and a number of `size` bytes; `kind` as DataView names it.
  number(type, kind, size, value) {
    this.byte(type);
    const offset = this.#reserve(size);
    new DataView(this.#bytes.buffer)[`set${kind}`](offset, value);
  }

  double(value) {
    this.number(0xcb, 'Float64', 8, value);
  }

  // An integer of at most 32 bits in as few bytes as it needs.
  integer(value) {
    if (value >= -0x20 && value <= 0x7f) this.byte(value & 0xff);
    else if (value >= 0 && value <= 0xff) this.number(0xcc, 'Uint8', 1, value);
    else if (value >= -0x80 && value < 0) this.number(0xd0, 'Int8', 1, value);
    else if (value >= 0 && value <= 0xffff) this.number(0xcd, 'Uint16', 2, value);
    else if (value >= -0x8000 && value < 0) this.number(0xd1, 'Int16', 2, value);
    else if (value >= 0) this.number(0xce, 'Uint32', 4, value);
    else this.number(0xd2, 'Int32', 4, value);
  }

  // The type and length of what follows: within the type up to `fixMax`, else in 8 bits up to
  // `max8`, in 16 bits, or in 32. The types of the three lengths are neighbours.
  head(length, fix, fixMax, type16, max8 = 0) {
    if (length <= fixMax) this.byte(fix + length);
    else if (length <= max8) this.number(type16 - 1, 'Uint8', 1, length);
    else if (length <= 0xffff) this.number(type16, 'Uint16', 2, length);
    else this.number(type16 + 1, 'Uint32', 4, length);
  }

  list(values, write) {
    this.#deeper();
    this.head(values.length, 0x90, 0xf, 0xdc);
    for (const value of values) write(this, value);
    this.#depth -= 1;
  }

  map(value, write) {
    const keys = Object.keys(value);
    this.#deeper();
    this.head(keys.length, 0x80, 0xf, 0xde);
    for (const key of keys) {
      write(this, key);
      write(this, value[key]);
    }
    this.#depth -= 1;
  }

  #deeper() {
    this.#depth += 1;
    if (this.#depth > PACK_DEPTH_MAX) throw new RangeError('The value is nested too deeply');
  }

  #reserve(count) {
    const offset = this.length;
    this.length += count;
    if (this.length > this.#bytes.length) {
      const larger = new Uint8Array(this.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return offset;
  }
}

export class PackReader {
  #bytes;
  #view;
  #offset = 0;
  #depth = 0;

  constructor(packet) {
    this.#bytes = asBytes(packet);
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  // A number of `size` bytes; `kind` as DataView names it, which also checks the bounds.
  number(kind, size) {
    const value = this.#view[`get${kind}`](this.#offset);
    this.#offset += size;
    return Number(value);
  }

  length(size) {
    return this.number(`Uint${size * 8}`, size);
  }

  // A copy, because a buffer may be the transport's.
  bytes(length) {
    const begin = this.#offset;
    this.#offset += this.#checked(length);
    return new Uint8Array(this.#bytes.subarray(begin, this.#offset));
  }

  text(length) {
    return utf8Decoder.decode(this.bytes(length));
  }

  // What the two parsers read alike; anything else is left to `readOther(reader, type)`.
  value(readOther) {
    const type = this.length(1);
    if (type < 0x80) return type;
    if (type >= 0xe0) return type - 0x100;
    if (type < 0x90) return this.#map(type & 0xf, readOther);
    if (type < 0xa0) return this.#list(type & 0xf, readOther);
    if (type in NUMBER_TYPES) return this.number(...NUMBER_TYPES[type]);
    if (type === 0xc0) return null;
    if (type === 0xc2 || type === 0xc3) return type === 0xc3;
    if (type >= 0xde) return this.#map(this.length((type - 0xdd) * 2), readOther);
    if (type >= 0xdc) return this.#list(this.length((type - 0xdb) * 2), readOther);
    return readOther(this, type);
  }

  #list(length, readOther) {
    this.#deeper();
    const values = Array.from({ length: this.#checked(length) }, () => this.value(readOther));
    this.#depth -= 1;
    return values;
  }

  #map(length, readOther) {
    const read = () => [this.value(readOther), this.value(readOther)];
    this.#deeper();
    const entries = Array.from({ length: this.#checked(length) }, read);
    this.#depth -= 1;
    return Object.fromEntries(entries);
  }

  #deeper() {
    this.#depth += 1;
    if (this.#depth > PACK_DEPTH_MAX) throw new RangeError('The packet is nested too deeply');
  }

  // Whatever is counted takes a byte at least.
  #checked(count) {
    const left = this.#bytes.length - this.#offset;
    if (count > left) throw new RangeError('The packet is cut short');
    return count;
  }
}

export const utf8Bytes = (text) => utf8Encoder.encode(text);

// The bytes of a buffer or of a view of one, not copied.
export const asBytes = (packet) => {
  if (packet instanceof ArrayBuffer) return new Uint8Array(packet);
  if (!ArrayBuffer.isView(packet)) throw new TypeError('The packet is not binary');
  return new Uint8Array(packet.buffer, packet.byteOffset, packet.byteLength);
};

const utf8Encoder = new TextEncoder();

const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true });

const NUMBER_TYPES = {
  0xca: ['Float32', 4],
  0xcb: ['Float64', 8],
  0xcc: ['Uint8', 1],
  0xcd: ['Uint16', 2],
  0xce: ['Uint32', 4],
  0xcf: ['BigUint64', 8],
  0xd0: ['Int8', 1],
  0xd1: ['Int16', 2],
  0xd2: ['Int32', 4],
  0xd3: ['BigInt64', 8],
};
