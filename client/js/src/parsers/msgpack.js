import { PackReader, PackWriter, asBytes, utf8Bytes } from './packs.js';

// MessagePack with the bytes of npm primus-msgpack 1 (msgpack-lite): numbers beyond 32 bits are
// doubles, and dates, errors, regular expressions and typed arrays are extensions of its own.

export const msgpack = {
  encode(value) {
    const writer = new PackWriter();
    writeMsgpack(writer, value);
    return writer.finish();
  },

  decode: (packet) => new PackReader(packet).value(readMsgpack),
};

const writeMsgpack = (writer, value) => {
  const type = typeof value;
  if (type === 'string') writeText(writer, value);
  else if (type === 'number') writeNumber(writer, value);
  else if (type === 'boolean') writer.byte(value ? 0xc3 : 0xc2);
  else if (type === 'bigint') throw new TypeError(`Unsupported type "bigint": ${value}`);
  else if (type !== 'object' || !value) writer.byte(0xc0);
  else if (Array.isArray(value)) writer.list(value, writeMsgpack);
  else writeObject(writer, value);
};

const writeText = (writer, text) => {
  const bytes = utf8Bytes(text);
  writer.head(bytes.length, 0xa0, 31, 0xda, 0xff);
  writer.bytes(bytes);
};

const writeNumber = (writer, value) => {
  if ((value | 0) === value) writer.integer(value);
  else writer.double(value);
};

// The package chooses an extension by the name of the constructor, so a class of an application
// that extends one of these is an ordinary object.
const writeObject = (writer, value) => {
  const name = Object.getPrototypeOf(value)?.constructor.name;
  if (name === 'Buffer') {
    writer.head(value.length, 0, -1, 0xc5, 0xfe);
    writer.bytes(value);
  } else if (ERROR_TYPES[name]) {
    const fields = Object.fromEntries(ERROR_FIELDS.map((field) => [field, value[field]]));
    writeExtension(writer, ERROR_TYPES[name], msgpack.encode(fields));
  } else if (BYTES_TYPES[name]) {
    writeExtension(writer, BYTES_TYPES[name], asBytes(value));
  } else if (name === 'RegExp') {
    writeExtension(writer, 0x0a, msgpack.encode([value.source, value.flags]));
  } else if (BOXED_TYPES[name]) {
    writeExtension(writer, BOXED_TYPES[name], msgpack.encode(value.valueOf()));
  } else {
    writer.map(value, writeMsgpack);
  }
};

const writeExtension = (writer, type, bytes) => {
  const fixed = [1, 2, 4, 8, 16].indexOf(bytes.length);
  if (fixed >= 0) writer.byte(0xd4 + fixed);
  else writer.head(bytes.length, 0, -1, 0xc8, 0xfe);
  writer.byte(type);
  writer.bytes(bytes);
};

const readMsgpack = (reader, type) => {
  if (type < 0xc0) return reader.text(type & 0x1f);
  if (type >= 0xd9) return reader.text(reader.length(1 << (type - 0xd9)));
  if (type >= 0xd4) return readExtension(reader, 1 << (type - 0xd4));
  if (type >= 0xc7) return readExtension(reader, reader.length(1 << (type - 0xc7)));
  if (type >= 0xc4) return ownBytes(reader.bytes(reader.length(1 << (type - 0xc4))));
  throw new TypeError('Invalid type: 0xc1');
};

const readExtension = (reader, length) => {
  const type = reader.length(1);
  const bytes = reader.bytes(length);
  const name = EXTENSION_NAMES[type];
  if (!name) return { type, buffer: ownBytes(bytes) };
  if (name === 'Buffer') return ownBytes(bytes);
  const Class = globalThis[name];
  if (BYTES_TYPES[name]) return name === 'ArrayBuffer' ? bytes.buffer : new Class(bytes.buffer);
  const value = msgpack.decode(bytes);
  if (name === 'RegExp') return new RegExp(...value);
  if (BOXED_TYPES[name]) return new Class(value);
  const fields = ERROR_FIELDS.map((field) => [field, value[field]]);
  return Object.assign(new Class(), Object.fromEntries(fields));
};

// Bytes are a Buffer where there are Buffers, as the package has it.
const ownBytes = (bytes) => globalThis.Buffer?.from(bytes.buffer) ?? bytes;

const ERROR_FIELDS = ['name', 'message', 'stack', 'columnNumber', 'fileName', 'lineNumber'];

const ERROR_TYPES = {
  EvalError: 0x01,
  RangeError: 0x02,
  ReferenceError: 0x03,
  SyntaxError: 0x04,
  TypeError: 0x05,
  URIError: 0x06,
  Error: 0x0e,
};

const BOXED_TYPES = { Boolean: 0x0b, String: 0x0c, Date: 0x0d, Number: 0x0f };

const BYTES_TYPES = {
  Int8Array: 0x11,
  Uint8Array: 0x12,
  Int16Array: 0x13,
  Uint16Array: 0x14,
  Int32Array: 0x15,
  Uint32Array: 0x16,
  Float32Array: 0x17,
  Float64Array: 0x18,
  Uint8ClampedArray: 0x19,
  ArrayBuffer: 0x1a,
  DataView: 0x1d,
};

const EXTENSION_NAMES = Object.fromEntries(
  Object.entries({ ...ERROR_TYPES, ...BOXED_TYPES, ...BYTES_TYPES, RegExp: 0x0a, Buffer: 0x1b })
    .map(([name, type]) => [type, name]),
);
