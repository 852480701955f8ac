import { PackReader, PackWriter, asBytes, utf8Bytes } from './packs.js';

// BinaryPack with the bytes of npm binary-pack 1: an early MessagePack, in which texts are 0xb0 and
// 0xd8, and bytes are 0xa0 and 0xda.

export const binary = {
  encode(value) {
    const writer = new PackWriter();
    writeBinary(writer, value);
    return writer.finish();
  },

  decode: (packet) => new PackReader(packet).value(readBinary),
};

const writeBinary = (writer, value) => {
  const type = typeof value;
  if (type === 'string') writeChunk(writer, utf8Bytes(value), 0xb0, 0xd8);
  else if (type === 'number') writeDecimal(writer, value);
  else if (type === 'boolean') writer.byte(value ? 0xc3 : 0xc2);
  else if (value === null || value === undefined) writer.byte(0xc0);
  else if (type !== 'object') throw unsupported(type);
  else writeStructure(writer, value);
};

const writeStructure = (writer, value) => {
  const prototype = Object.getPrototypeOf(value);
  if (Array.isArray(value)) writer.list(value, writeBinary);
  else if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    writeChunk(writer, asBytes(value), 0xa0, 0xda);
  } else if (!prototype || !Object.getPrototypeOf(prototype)) writer.map(value, writeBinary);
  else if (value instanceof Date) writeBinary(writer, value.toString());
  else if (typeof value.toBinaryPack === 'function') writer.bytes(value.toBinaryPack());
  else throw unsupported(value.constructor?.name);
};

const writeDecimal = (writer, value) => {
  if (Math.floor(value) !== value) writer.double(value);
  else if (value >= -(2 ** 31) && value < 2 ** 32) writer.integer(value);
  else if (value >= -(2 ** 63) && value <= 2 ** 63) writeWide(writer, 0xd3, value);
  else if (value >= 0 && value <= 2 ** 64) writeWide(writer, 0xcf, value);
  else throw new RangeError('Invalid integer');
};

const writeWide = (writer, type, value) => writer.number(type, 'BigUint64', 8, BigInt(value));

const writeChunk = (writer, bytes, fix, type16) => {
  writer.head(bytes.length, fix, 0xf, type16);
  writer.bytes(bytes);
};

const unsupported = (name) => new TypeError(`Type "${name}" not yet supported`);

const readBinary = (reader, type) => {
  if (type < 0xb0) return nativeBytes(reader.bytes(type & 0xf));
  if (type < 0xc0) return reader.text(type & 0xf);
  if (type === 0xd8 || type === 0xd9) return reader.text(reader.length((type - 0xd7) * 2));
  if (type === 0xda || type === 0xdb) {
    return nativeBytes(reader.bytes(reader.length((type - 0xd9) * 2)));
  }
  // The package reads every type that it does not know as undefined.
  return undefined;
};

// As the package has it: a Buffer in Node.js, an ArrayBuffer elsewhere.
const nativeBytes = ({ buffer }) => globalThis.Buffer?.from(buffer) ?? buffer;
