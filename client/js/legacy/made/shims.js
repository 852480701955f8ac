// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from './helpers.js';
var globalObject$shims = function globalObject() {
  if (typeof self === 'object' && self) return self;
  return typeof window === 'object' && window ? window : global;
};
export var shims = {
  globalThis: globalObject$shims()
};
shims.Object_assign = function (target) {
  for (var _len = arguments.length, sources = new Array(_len > 1 ? _len - 1 : 0), _key = 1; _key < _len; _key++) {
    sources[_key - 1] = arguments[_key];
  }
  for (var _i2 = 0; _i2 < sources.length; _i2++) {
    var source = sources[_i2];
    for (var name in source) if (hasOwn$shims(source, name)) target[name] = source[name];
  }
  return target;
};
var hasOwn$shims = function hasOwn(object, name) {
  return Object.prototype.hasOwnProperty.call(object, name);
};
shims.Object_hasOwn = hasOwn$shims;
shims.Object_entries = function (object) {
  return Object.keys(object).map(function (name) {
    return [name, object[name]];
  });
};
shims.Object_fromEntries = function (entries) {
  var object = {};
  entries.forEach(function (_ref) {
    var name = _ref[0],
      value = _ref[1];
    Object.defineProperty(object, name, {
      value: value,
      configurable: true,
      enumerable: true,
      writable: true
    });
  });
  return object;
};
shims.Array_from = function (source, convert) {
  if (convert === void 0) {
    convert = function convert(value) {
      return value;
    };
  }
  var list = [];
  for (var index = 0; index < source.length; index += 1) list.push(convert(source[index], index));
  return list;
};
shims.Uint8Array_from = function (source, convert) {
  var isText = typeof source === 'string';
  return new Uint8Array(shims.Array_from(isText ? source.split('') : source, convert));
};
shims.ArrayBuffer_isView = function (value) {
  return !!value && value.buffer instanceof ArrayBuffer;
};
shims.Number_isFinite = function (value) {
  return typeof value === 'number' && isFinite(value);
};
shims.Math_sign = function (value) {
  return value > 0 ? 1 : value < 0 ? -1 : +value;
};
shims.queueMicrotask = function (fn) {
  return setTimeout(fn, 0);
};
shims.includes = function (list, value) {
  return list.indexOf(value) >= 0;
};
shims.at = function (list, index) {
  return list[index < 0 ? list.length + index : index];
};
shims.padStart = function (text, length, filler) {
  var padded = text;
  while (padded.length < length) padded = filler + padded;
  return padded;
};
shims.matchAll = function (text, expression) {
  var found = [];
  text.replace(expression, function () {
    for (var _len2 = arguments.length, match = new Array(_len2), _key2 = 0; _key2 < _len2; _key2++) {
      match[_key2] = arguments[_key2];
    }
    found.push(match.slice(0, -2));
    return '';
  });
  return found;
};
shims.flags = function (_ref2) {
  var flags = _ref2.flags,
    global = _ref2.global,
    ignoreCase = _ref2.ignoreCase,
    multiline = _ref2.multiline;
  return flags === undefined ? (global ? 'g' : '') + (ignoreCase ? 'i' : '') + (multiline ? 'm' : '') : flags;
};
shims.origin = function (address) {
  var origin = address.origin,
    protocol = address.protocol,
    host = address.host;
  return origin === undefined && host ? "".concat(protocol, "//").concat(host) : origin;
};
shims.Map = function () {
  function _class() {
    this._keys = [];
    this._values = [];
  }
  var _proto = _class.prototype;
  _proto.has = function has(key) {
    return this._keys.indexOf(key) >= 0;
  };
  _proto.get = function get(key) {
    return this._values[this._keys.indexOf(key)];
  };
  _proto.set = function set(key, value) {
    var at = this._keys.indexOf(key);
    if (at < 0) this._keys.push(key);
    this._values[at < 0 ? this._keys.length - 1 : at] = value;
    return this;
  };
  _proto["delete"] = function _delete(key) {
    var at = this._keys.indexOf(key);
    if (at < 0) return false;
    this._keys.splice(at, 1);
    this._values.splice(at, 1);
    return true;
  };
  _proto.keys = function keys() {
    return this._keys.slice();
  };
  return babelHelpers.createClass(_class);
}();
shims.Set = function (values) {
  if (values === void 0) {
    values = [];
  }
  var list = [];
  list.add = function (value) {
    if (list.indexOf(value) < 0) list.push(value);
  };
  list["delete"] = function (value) {
    var at = list.indexOf(value);
    if (at >= 0) list.splice(at, 1);
  };
  values.forEach(list.add);
  return list;
};
var weakMaps$shims = 0;
shims.WeakMap = function () {
  function _class2() {
    this._name = "__allspark_".concat(weakMaps$shims);
    weakMaps$shims += 1;
  }
  var _proto2 = _class2.prototype;
  _proto2.has = function has(key) {
    return hasOwn$shims(key, this._name);
  };
  _proto2.get = function get(key) {
    return this.has(key) ? key[this._name] : undefined;
  };
  _proto2.set = function set(key, value) {
    Object.defineProperty(key, this._name, {
      value: value,
      configurable: true,
      writable: true
    });
    return this;
  };
  _proto2["delete"] = function _delete(key) {
    return this.has(key) && delete key[this._name];
  };
  return babelHelpers.createClass(_class2);
}();
shims.TextEncoder = function () {
  function _class3() {}
  var _proto3 = _class3.prototype;
  _proto3.encode = function encode(text) {
    var bytes = [];
    for (var index = 0; index < text.length; index += 1) {
      var code = text.charCodeAt(index);
      var next = text.charCodeAt(index + 1);
      if (code >= 0xd800 && code < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
        code = 0x10000 + (code - 0xd800 << 10) + (next - 0xdc00);
        index += 1;
      } else if (code >= 0xd800 && code < 0xe000) {
        code = 0xfffd;
      }
      pushUtf8$shims(bytes, code);
    }
    return new Uint8Array(bytes);
  };
  return babelHelpers.createClass(_class3);
}();
var pushUtf8$shims = function pushUtf8(bytes, code) {
  if (code < 0x80) return bytes.push(code);
  var count = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  bytes.push([0, 0xc0, 0xe0, 0xf0][count] | code >> 6 * count);
  for (var left = count - 1; left >= 0; left -= 1) bytes.push(0x80 | code >> 6 * left & 0x3f);
};
shims.BigInt = function (value) {
  return value;
};
shims.DataView = function (buffer, offset, length) {
  if (offset === void 0) {
    offset = 0;
  }
  if (length === void 0) {
    length = buffer.byteLength - offset;
  }
  var view = new DataView(buffer, offset, length);
  view.setBigUint64 = function (at, value) {
    var high = Math.floor(value / WORD$shims);
    view.setUint32(at, high);
    view.setUint32(at + 4, value - high * WORD$shims);
  };
  view.getBigUint64 = function (at) {
    return view.getUint32(at) * WORD$shims + view.getUint32(at + 4);
  };
  view.getBigInt64 = function (at) {
    return view.getInt32(at) * WORD$shims + view.getUint32(at + 4);
  };
  return view;
};
var WORD$shims = 4294967296;
shims.TextDecoder = function () {
  function _class4() {}
  var _proto4 = _class4.prototype;
  _proto4.decode = function decode(bytes) {
    var text = '';
    for (var index = 0; index < bytes.length;) {
      var _readUtf = readUtf8$shims(bytes, index),
        code = _readUtf[0],
        length = _readUtf[1];
      index += length;
      if (code < 0x10000) text += String.fromCharCode(code);else text += String.fromCharCode(0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    }
    return text;
  };
  return babelHelpers.createClass(_class4);
}();
var WRONG$shims = [0xfffd, 1];
var readUtf8$shims = function readUtf8(bytes, at) {
  var first = bytes[at];
  if (first < 0x80) return [first, 1];
  var count = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
  if (!count) return WRONG$shims;
  var code = first & 0x3f >> count;
  for (var index = at + 1; index <= at + count; index += 1) {
    if ((bytes[index] & 0xc0) !== 0x80) return WRONG$shims;
    code = code << 6 | bytes[index] & 0x3f;
  }
  var isShort = code < [0, 0x80, 0x800, 0x10000][count];
  if (isShort || code > 0x10ffff || code >= 0xd800 && code < 0xe000) return WRONG$shims;
  return [code, count + 1];
};
shims.crypto = {
  getRandomValues: function getRandomValues(bytes) {
    var _shims$globalThis = shims.globalThis,
      crypto = _shims$globalThis.crypto,
      msCrypto = _shims$globalThis.msCrypto;
    var source = crypto || msCrypto;
    if (source && source.getRandomValues) return source.getRandomValues(bytes);
    for (var index = 0; index < bytes.length; index += 1) {
      bytes[index] = Math.floor(Math.random() * 256);
    }
    return bytes;
  }
};
shims.URLSearchParams = function () {
  function _class5(values) {
    this._pairs = [];
    for (var name in values) this.append(name, values[name]);
  }
  var _proto5 = _class5.prototype;
  _proto5.append = function append(name, value) {
    this._pairs.push([name, "".concat(value)]);
  };
  _proto5.toString = function toString() {
    return this._pairs.map(function (pair) {
      return pair.map(encodeFormText$shims).join('=');
    }).join('&');
  };
  return babelHelpers.createClass(_class5);
}();
var encodeFormText$shims = function encodeFormText(text) {
  return encodeURIComponent(withoutHalves$shims("".concat(text))).replace(/%20/g, '+').replace(/[!'()~]/g, function (_char) {
    return "%".concat(_char.charCodeAt(0).toString(16).toUpperCase());
  });
};
var withoutHalves$shims = function withoutHalves(text) {
  return text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, function (found) {
    return found.length === 2 ? found : "\uFFFD";
  });
};
var DEFAULT_PORTS$shims = {
  'http:': '80',
  'https:': '443',
  'ws:': '80',
  'wss:': '443'
};
var ADDRESS$shims = /^(?:([a-z][a-z\d+.-]*:))?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/i;
var AUTHORITY$shims = /^(?:([^:@]*)(?::([^@]*))?@)?(\[[\da-f:.]+\]|[^\s:@<>^|%\\[\]]+)(?::(\d{0,5}))?$/i;
var Address$shims = function () {
  function Address(address, base) {
    var text = "".concat(address).replace(/^\s+|\s+$/g, '');
    var _ref3 = ADDRESS$shims.exec(text) || [],
      found = _ref3[0],
      scheme = _ref3[1],
      authority = _ref3[2],
      path = _ref3[3],
      search = _ref3[4],
      hash = _ref3[5];
    var refuse = function refuse() {
      throw new TypeError("Invalid URL: ".concat(text));
    };
    var context = scheme || base === undefined ? {} : new Address(base);
    if (found === undefined || !(scheme || context.protocol)) refuse();
    this.protocol = (scheme || context.protocol).toLowerCase();
    var isRelative = authority === undefined && !scheme;
    var parts = AUTHORITY$shims.exec(isRelative ? context._authority : authority || '') || refuse();
    this._authority = parts[0];
    this.username = parts[1] || '';
    this.password = parts[2] || '';
    this.hostname = parts[3].toLowerCase();
    this.port = portOf$shims(parts[4], this.protocol, refuse);
    this.host = this.hostname + (this.port && ":".concat(this.port));
    this.pathname = pathOf$shims(path, isRelative ? context.pathname : '/');
    var query = search || isRelative && !path && context.search || '';
    this.search = query === '?' ? '' : query;
    this.hash = hash && hash !== '#' ? hash : '';
    this.origin = "".concat(this.protocol, "//").concat(this.host);
    this.href = hrefOf$shims(this) + query + (hash || '');
  }
  var _proto6 = Address.prototype;
  _proto6.toString = function toString() {
    return this.href;
  };
  return babelHelpers.createClass(Address);
}();
var portOf$shims = function portOf(text, protocol, refuse) {
  if (+text > 65535) refuse();
  var port = text ? "".concat(+text) : '';
  return port === DEFAULT_PORTS$shims[protocol] ? '' : port;
};
var pathOf$shims = function pathOf(path, base) {
  if (!path) return base;
  return path.charAt(0) === '/' ? path : base.replace(/[^/]*$/, path);
};
var hrefOf$shims = function hrefOf(_ref4) {
  var protocol = _ref4.protocol,
    username = _ref4.username,
    password = _ref4.password,
    host = _ref4.host,
    pathname = _ref4.pathname;
  var user = username || password ? "".concat(username).concat(password && ":".concat(password), "@") : '';
  return "".concat(protocol, "//").concat(user).concat(host).concat(pathname);
};
var isWhole$shims = function isWhole(Url) {
  try {
    return new Url('http://a:1/b').host === 'a:1';
  } catch (error) {
    return false;
  }
};
shims.URL = isWhole$shims(shims.globalThis.URL) ? shims.globalThis.URL : Address$shims;
shims.Address = Address$shims;
