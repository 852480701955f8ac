// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from '../helpers.js';
import { shims } from '../shims.js';
import { PackReader, PackWriter, asBytes, utf8Bytes } from './packs.js';
export var msgpack = {
  encode: function encode(value) {
    var writer = new PackWriter();
    _writeMsgpack$parsers_msgpack(writer, value);
    return writer.finish();
  },
  decode: function decode(packet) {
    return new PackReader(packet).value(readMsgpack$parsers_msgpack);
  }
};
var _writeMsgpack$parsers_msgpack = function writeMsgpack(writer, value) {
  var type = typeof value;
  if (type === 'string') writeText$parsers_msgpack(writer, value);else if (type === 'number') writeNumber$parsers_msgpack(writer, value);else if (type === 'boolean') writer["byte"](value ? 0xc3 : 0xc2);else if (type === 'bigint') throw new TypeError("Unsupported type \"bigint\": ".concat(value));else if (type !== 'object' || !value) writer["byte"](0xc0);else if (Array.isArray(value)) writer.list(value, _writeMsgpack$parsers_msgpack);else writeObject$parsers_msgpack(writer, value);
};
var writeText$parsers_msgpack = function writeText(writer, text) {
  var bytes = utf8Bytes(text);
  writer.head(bytes.length, 0xa0, 31, 0xda, 0xff);
  writer.bytes(bytes);
};
var writeNumber$parsers_msgpack = function writeNumber(writer, value) {
  if ((value | 0) === value) writer.integer(value);else writer["double"](value);
};
var writeObject$parsers_msgpack = function writeObject(writer, value) {
  var _Object$getPrototypeO;
  var name = (_Object$getPrototypeO = Object.getPrototypeOf(value)) == null ? void 0 : _Object$getPrototypeO.constructor.name;
  if (name === 'Buffer') {
    writer.head(value.length, 0, -1, 0xc5, 0xfe);
    writer.bytes(value);
  } else if (ERROR_TYPES$parsers_msgpack[name]) {
    var fields = shims.Object_fromEntries(ERROR_FIELDS$parsers_msgpack.map(function (field) {
      return [field, value[field]];
    }));
    writeExtension$parsers_msgpack(writer, ERROR_TYPES$parsers_msgpack[name], msgpack.encode(fields));
  } else if (BYTES_TYPES$parsers_msgpack[name]) {
    writeExtension$parsers_msgpack(writer, BYTES_TYPES$parsers_msgpack[name], asBytes(value));
  } else if (name === 'RegExp') {
    writeExtension$parsers_msgpack(writer, 0x0a, msgpack.encode([value.source, shims.flags(value)]));
  } else if (BOXED_TYPES$parsers_msgpack[name]) {
    writeExtension$parsers_msgpack(writer, BOXED_TYPES$parsers_msgpack[name], msgpack.encode(value.valueOf()));
  } else {
    writer.map(value, _writeMsgpack$parsers_msgpack);
  }
};
var writeExtension$parsers_msgpack = function writeExtension(writer, type, bytes) {
  var fixed = [1, 2, 4, 8, 16].indexOf(bytes.length);
  if (fixed >= 0) writer["byte"](0xd4 + fixed);else writer.head(bytes.length, 0, -1, 0xc8, 0xfe);
  writer["byte"](type);
  writer.bytes(bytes);
};
var readMsgpack$parsers_msgpack = function readMsgpack(reader, type) {
  if (type < 0xc0) return reader.text(type & 0x1f);
  if (type >= 0xd9) return reader.text(reader.length(1 << type - 0xd9));
  if (type >= 0xd4) return readExtension$parsers_msgpack(reader, 1 << type - 0xd4);
  if (type >= 0xc7) return readExtension$parsers_msgpack(reader, reader.length(1 << type - 0xc7));
  if (type >= 0xc4) return ownBytes$parsers_msgpack(reader.bytes(reader.length(1 << type - 0xc4)));
  throw new TypeError('Invalid type: 0xc1');
};
var readExtension$parsers_msgpack = function readExtension(reader, length) {
  var type = reader.length(1);
  var bytes = reader.bytes(length);
  var name = EXTENSION_NAMES$parsers_msgpack[type];
  if (!name) return {
    type: type,
    buffer: ownBytes$parsers_msgpack(bytes)
  };
  if (name === 'Buffer') return ownBytes$parsers_msgpack(bytes);
  var Class = shims.globalThis[name];
  if (BYTES_TYPES$parsers_msgpack[name]) return name === 'ArrayBuffer' ? bytes.buffer : new Class(bytes.buffer);
  var value = msgpack.decode(bytes);
  if (name === 'RegExp') return babelHelpers.construct(RegExp, value);
  if (BOXED_TYPES$parsers_msgpack[name]) return new Class(value);
  var fields = ERROR_FIELDS$parsers_msgpack.map(function (field) {
    return [field, value[field]];
  });
  return shims.Object_assign(new Class(), shims.Object_fromEntries(fields));
};
var ownBytes$parsers_msgpack = function ownBytes(bytes) {
  var _globalThis$Buffer$fr, _globalThis$Buffer;
  return (_globalThis$Buffer$fr = (_globalThis$Buffer = shims.globalThis.Buffer) == null ? void 0 : _globalThis$Buffer.from(bytes.buffer)) != null ? _globalThis$Buffer$fr : bytes;
};
var ERROR_FIELDS$parsers_msgpack = ['name', 'message', 'stack', 'columnNumber', 'fileName', 'lineNumber'];
var ERROR_TYPES$parsers_msgpack = {
  EvalError: 0x01,
  RangeError: 0x02,
  ReferenceError: 0x03,
  SyntaxError: 0x04,
  TypeError: 0x05,
  URIError: 0x06,
  Error: 0x0e
};
var BOXED_TYPES$parsers_msgpack = {
  Boolean: 0x0b,
  String: 0x0c,
  Date: 0x0d,
  Number: 0x0f
};
var BYTES_TYPES$parsers_msgpack = {
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
  DataView: 0x1d
};
var EXTENSION_NAMES$parsers_msgpack = shims.Object_fromEntries(shims.Object_entries(babelHelpers["extends"](babelHelpers["extends"](babelHelpers["extends"](babelHelpers["extends"]({}, ERROR_TYPES$parsers_msgpack), BOXED_TYPES$parsers_msgpack), BYTES_TYPES$parsers_msgpack), {}, {
  RegExp: 0x0a,
  Buffer: 0x1b
})).map(function (_ref) {
  var name = _ref[0],
    type = _ref[1];
  return [type, name];
}));
