// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { shims } from '../shims.js';
import { PackReader, PackWriter, asBytes, utf8Bytes } from './packs.js';
export var binary = {
  encode: function encode(value) {
    var writer = new PackWriter();
    writeBinary$parsers_binary(writer, value);
    return writer.finish();
  },
  decode: function decode(packet) {
    return new PackReader(packet).value(readBinary$parsers_binary);
  }
};
var writeBinary$parsers_binary = function writeBinary(writer, value) {
  var type = typeof value;
  if (type === 'string') writeChunk$parsers_binary(writer, utf8Bytes(value), 0xb0, 0xd8);else if (type === 'number') writeDecimal$parsers_binary(writer, value);else if (type === 'boolean') writer["byte"](value ? 0xc3 : 0xc2);else if (value === null || value === undefined) writer["byte"](0xc0);else if (type !== 'object') throw unsupported$parsers_binary(type);else writeStructure$parsers_binary(writer, value);
};
var writeStructure$parsers_binary = function writeStructure(writer, value) {
  var _value$constructor;
  var prototype = Object.getPrototypeOf(value);
  if (Array.isArray(value)) writer.list(value, writeBinary$parsers_binary);else if (value instanceof ArrayBuffer || shims.ArrayBuffer_isView(value)) {
    writeChunk$parsers_binary(writer, asBytes(value), 0xa0, 0xda);
  } else if (!prototype || !Object.getPrototypeOf(prototype)) writer.map(value, writeBinary$parsers_binary);else if (value instanceof Date) writeBinary$parsers_binary(writer, value.toString());else if (typeof value.toBinaryPack === 'function') writer.bytes(value.toBinaryPack());else throw unsupported$parsers_binary((_value$constructor = value.constructor) == null ? void 0 : _value$constructor.name);
};
var writeDecimal$parsers_binary = function writeDecimal(writer, value) {
  if (Math.floor(value) !== value) writer["double"](value);else if (value >= -Math.pow(2, 31) && value < Math.pow(2, 32)) writer.integer(value);else if (value >= -Math.pow(2, 63) && value <= Math.pow(2, 63)) writeWide$parsers_binary(writer, 0xd3, value);else if (value >= 0 && value <= Math.pow(2, 64)) writeWide$parsers_binary(writer, 0xcf, value);else throw new RangeError('Invalid integer');
};
var writeWide$parsers_binary = function writeWide(writer, type, value) {
  return writer.number(type, 'BigUint64', 8, shims.BigInt(value));
};
var writeChunk$parsers_binary = function writeChunk(writer, bytes, fix, type16) {
  writer.head(bytes.length, fix, 0xf, type16);
  writer.bytes(bytes);
};
var unsupported$parsers_binary = function unsupported(name) {
  return new TypeError("Type \"".concat(name, "\" not yet supported"));
};
var readBinary$parsers_binary = function readBinary(reader, type) {
  if (type < 0xb0) return nativeBytes$parsers_binary(reader.bytes(type & 0xf));
  if (type < 0xc0) return reader.text(type & 0xf);
  if (type === 0xd8 || type === 0xd9) return reader.text(reader.length((type - 0xd7) * 2));
  if (type === 0xda || type === 0xdb) {
    return nativeBytes$parsers_binary(reader.bytes(reader.length((type - 0xd9) * 2)));
  }
  return undefined;
};
var nativeBytes$parsers_binary = function nativeBytes(_ref) {
  var _globalThis$Buffer$fr, _globalThis$Buffer;
  var buffer = _ref.buffer;
  return (_globalThis$Buffer$fr = (_globalThis$Buffer = shims.globalThis.Buffer) == null ? void 0 : _globalThis$Buffer.from(buffer)) != null ? _globalThis$Buffer$fr : buffer;
};
