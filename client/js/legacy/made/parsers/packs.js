// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from '../helpers.js';
import { shims } from '../shims.js';
function _callSpread$parsers_packs(a, e, l) {
  return a.apply(e, l);
}
var PACK_DEPTH_MAX$parsers_packs = 512;
export var PackWriter = function () {
  function PackWriter() {
    this.length = 0;
    this.$bytes = new Uint8Array(128);
    this.$depth = 0;
  }
  var _proto = PackWriter.prototype;
  _proto.finish = function finish() {
    return this.$bytes.subarray(0, this.length);
  };
  _proto["byte"] = function _byte(value) {
    var offset = this.$reserve(1);
    this.$bytes[offset] = value;
  };
  _proto.bytes = function bytes(values) {
    var offset = this.$reserve(values.length);
    this.$bytes.set(values, offset);
  };
  _proto.number = function number(type, kind, size, value) {
    this["byte"](type);
    var offset = this.$reserve(size);
    new shims.DataView(this.$bytes.buffer)["set".concat(kind)](offset, value);
  };
  _proto["double"] = function _double(value) {
    this.number(0xcb, 'Float64', 8, value);
  };
  _proto.integer = function integer(value) {
    if (value >= -0x20 && value <= 0x7f) this["byte"](value & 0xff);else if (value >= 0 && value <= 0xff) this.number(0xcc, 'Uint8', 1, value);else if (value >= -0x80 && value < 0) this.number(0xd0, 'Int8', 1, value);else if (value >= 0 && value <= 0xffff) this.number(0xcd, 'Uint16', 2, value);else if (value >= -0x8000 && value < 0) this.number(0xd1, 'Int16', 2, value);else if (value >= 0) this.number(0xce, 'Uint32', 4, value);else this.number(0xd2, 'Int32', 4, value);
  };
  _proto.head = function head(length, fix, fixMax, type16, max8) {
    if (max8 === void 0) {
      max8 = 0;
    }
    if (length <= fixMax) this["byte"](fix + length);else if (length <= max8) this.number(type16 - 1, 'Uint8', 1, length);else if (length <= 0xffff) this.number(type16, 'Uint16', 2, length);else this.number(type16 + 1, 'Uint32', 4, length);
  };
  _proto.list = function list(values, write) {
    this.$deeper();
    this.head(values.length, 0x90, 0xf, 0xdc);
    for (var _i2 = 0; _i2 < values.length; _i2++) {
      var value = values[_i2];
      write(this, value);
    }
    this.$depth -= 1;
  };
  _proto.map = function map(value, write) {
    var keys = Object.keys(value);
    this.$deeper();
    this.head(keys.length, 0x80, 0xf, 0xde);
    for (var _i4 = 0; _i4 < keys.length; _i4++) {
      var key = keys[_i4];
      write(this, key);
      write(this, value[key]);
    }
    this.$depth -= 1;
  };
  _proto.$deeper = function $deeper() {
    this.$depth += 1;
    if (this.$depth > PACK_DEPTH_MAX$parsers_packs) throw new RangeError('The value is nested too deeply');
  };
  _proto.$reserve = function $reserve(count) {
    var offset = this.length;
    this.length += count;
    if (this.length > this.$bytes.length) {
      var larger = new Uint8Array(this.length * 2);
      larger.set(this.$bytes);
      this.$bytes = larger;
    }
    return offset;
  };
  return babelHelpers.createClass(PackWriter);
}();
export var PackReader = function () {
  function PackReader(packet) {
    this.$bytes = void 0;
    this.$view = void 0;
    this.$offset = 0;
    this.$depth = 0;
    this.$bytes = asBytes(packet);
    var _this$$bytes = this.$bytes,
      buffer = _this$$bytes.buffer,
      byteOffset = _this$$bytes.byteOffset,
      byteLength = _this$$bytes.byteLength;
    this.$view = new shims.DataView(buffer, byteOffset, byteLength);
  }
  var _proto2 = PackReader.prototype;
  _proto2.number = function number(kind, size) {
    var value = this.$view["get".concat(kind)](this.$offset);
    this.$offset += size;
    return Number(value);
  };
  _proto2.length = function length(size) {
    return this.number("Uint".concat(size * 8), size);
  };
  _proto2.bytes = function bytes(length) {
    var begin = this.$offset;
    this.$offset += this.$checked(length);
    return new Uint8Array(this.$bytes.subarray(begin, this.$offset));
  };
  _proto2.text = function text(length) {
    return utf8Decoder$parsers_packs.decode(this.bytes(length));
  };
  _proto2.value = function value(readOther) {
    var type = this.length(1);
    if (type < 0x80) return type;
    if (type >= 0xe0) return type - 0x100;
    if (type < 0x90) return this.$map(type & 0xf, readOther);
    if (type < 0xa0) return this.$list(type & 0xf, readOther);
    if (type in NUMBER_TYPES$parsers_packs) return _callSpread$parsers_packs(this.number, this, NUMBER_TYPES$parsers_packs[type]);
    if (type === 0xc0) return null;
    if (type === 0xc2 || type === 0xc3) return type === 0xc3;
    if (type >= 0xde) return this.$map(this.length((type - 0xdd) * 2), readOther);
    if (type >= 0xdc) return this.$list(this.length((type - 0xdb) * 2), readOther);
    return readOther(this, type);
  };
  _proto2.$list = function $list(length, readOther) {
    var _this = this;
    this.$deeper();
    var values = shims.Array_from({
      length: this.$checked(length)
    }, function () {
      return _this.value(readOther);
    });
    this.$depth -= 1;
    return values;
  };
  _proto2.$map = function $map(length, readOther) {
    var _this2 = this;
    var read = function read() {
      return [_this2.value(readOther), _this2.value(readOther)];
    };
    this.$deeper();
    var entries = shims.Array_from({
      length: this.$checked(length)
    }, read);
    this.$depth -= 1;
    return shims.Object_fromEntries(entries);
  };
  _proto2.$deeper = function $deeper() {
    this.$depth += 1;
    if (this.$depth > PACK_DEPTH_MAX$parsers_packs) throw new RangeError('The packet is nested too deeply');
  };
  _proto2.$checked = function $checked(count) {
    var left = this.$bytes.length - this.$offset;
    if (count > left) throw new RangeError('The packet is cut short');
    return count;
  };
  return babelHelpers.createClass(PackReader);
}();
export var utf8Bytes = function utf8Bytes(text) {
  return utf8Encoder$parsers_packs.encode(text);
};
export var asBytes = function asBytes(packet) {
  if (packet instanceof ArrayBuffer) return new Uint8Array(packet);
  if (!shims.ArrayBuffer_isView(packet)) throw new TypeError('The packet is not binary');
  return new Uint8Array(packet.buffer, packet.byteOffset, packet.byteLength);
};
var utf8Encoder$parsers_packs = new shims.TextEncoder();
var utf8Decoder$parsers_packs = new shims.TextDecoder('utf-8', {
  ignoreBOM: true
});
var NUMBER_TYPES$parsers_packs = {
  0xca: ['Float32', 4],
  0xcb: ['Float64', 8],
  0xcc: ['Uint8', 1],
  0xcd: ['Uint16', 2],
  0xce: ['Uint32', 4],
  0xcf: ['BigUint64', 8],
  0xd0: ['Int8', 1],
  0xd1: ['Int16', 2],
  0xd2: ['Int32', 4],
  0xd3: ['BigInt64', 8]
};
