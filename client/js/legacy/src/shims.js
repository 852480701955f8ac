// What the client uses of JavaScript beyond ES5, for browsers that lack it. Nothing of it becomes
// global: `scripts/legacy.js` has the modules call it here. A name with `_` stands for a function
// of a built-in object; what is said of the first argument stands for a method or a property of it.
//
// It knows what the client needs, and no more. What can be iterated over is a list.

const globalObject = () => {
  if (typeof self === 'object' && self) return self;
  return typeof window === 'object' && window ? window : global;
};

export const shims = { globalThis: globalObject() };

// Built-in functions.

shims.Object_assign = (target, ...sources) => {
  for (const source of sources) {
    for (const name in source) if (hasOwn(source, name)) target[name] = source[name];
  }
  return target;
};

const hasOwn = (object, name) => Object.prototype.hasOwnProperty.call(object, name);

shims.Object_hasOwn = hasOwn;

shims.Object_entries = (object) => Object.keys(object).map((name) => [name, object[name]]);

shims.Object_fromEntries = (entries) => {
  const object = {};
  entries.forEach(([name, value]) => {
    Object.defineProperty(object, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  });
  return object;
};

shims.Array_from = (source, convert = (value) => value) => {
  const list = [];
  for (let index = 0; index < source.length; index += 1) list.push(convert(source[index], index));
  return list;
};

shims.Uint8Array_from = (source, convert) => {
  const isText = typeof source === 'string';
  return new Uint8Array(shims.Array_from(isText ? source.split('') : source, convert));
};

shims.ArrayBuffer_isView = (value) => !!value && value.buffer instanceof ArrayBuffer;

shims.Number_isFinite = (value) => typeof value === 'number' && isFinite(value);

shims.Math_sign = (value) => (value > 0 ? 1 : value < 0 ? -1 : +value);

shims.queueMicrotask = (fn) => setTimeout(fn, 0);

// Methods and properties.

shims.includes = (list, value) => list.indexOf(value) >= 0;

shims.at = (list, index) => list[index < 0 ? list.length + index : index];

shims.padStart = (text, length, filler) => {
  let padded = text;
  while (padded.length < length) padded = filler + padded;
  return padded;
};

shims.matchAll = (text, expression) => {
  const found = [];
  text.replace(expression, (...match) => {
    // Behind the groups stand the place and the text.
    found.push(match.slice(0, -2));
    return '';
  });
  return found;
};

// Of a regular expression.
shims.flags = ({ flags, global, ignoreCase, multiline }) =>
  flags === undefined
    ? (global ? 'g' : '') + (ignoreCase ? 'i' : '') + (multiline ? 'm' : '')
    : flags;

// Of a page's address.
shims.origin = (address) => {
  const { origin, protocol, host } = address;
  return origin === undefined && host ? `${protocol}//${host}` : origin;
};

// Classes.

shims.Map = class {
  constructor() {
    this._keys = [];
    this._values = [];
  }

  has(key) {
    return this._keys.indexOf(key) >= 0;
  }

  get(key) {
    return this._values[this._keys.indexOf(key)];
  }

  set(key, value) {
    const at = this._keys.indexOf(key);
    if (at < 0) this._keys.push(key);
    this._values[at < 0 ? this._keys.length - 1 : at] = value;
    return this;
  }

  delete(key) {
    const at = this._keys.indexOf(key);
    if (at < 0) return false;
    this._keys.splice(at, 1);
    this._values.splice(at, 1);
    return true;
  }

  keys() {
    return this._keys.slice();
  }
};

// A list that takes nothing twice.
shims.Set = function (values = []) {
  const list = [];
  list.add = (value) => {
    if (list.indexOf(value) < 0) list.push(value);
  };
  list.delete = (value) => {
    const at = list.indexOf(value);
    if (at >= 0) list.splice(at, 1);
  };
  values.forEach(list.add);
  return list;
};

let weakMaps = 0;

// Keeps a value in its key.
shims.WeakMap = class {
  constructor() {
    this._name = `__allspark_${weakMaps}`;
    weakMaps += 1;
  }

  has(key) {
    return hasOwn(key, this._name);
  }

  get(key) {
    return this.has(key) ? key[this._name] : undefined;
  }

  set(key, value) {
    Object.defineProperty(key, this._name, { value, configurable: true, writable: true });
    return this;
  }

  delete(key) {
    return this.has(key) && delete key[this._name];
  }
};

shims.TextEncoder = class {
  encode(text) {
    const bytes = [];
    for (let index = 0; index < text.length; index += 1) {
      let code = text.charCodeAt(index);
      const next = text.charCodeAt(index + 1);
      if (code >= 0xd800 && code < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
        index += 1;
      } else if (code >= 0xd800 && code < 0xe000) {
        code = 0xfffd;
      }
      pushUtf8(bytes, code);
    }
    return new Uint8Array(bytes);
  }
};

const pushUtf8 = (bytes, code) => {
  if (code < 0x80) return bytes.push(code);
  const count = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  bytes.push([0, 0xc0, 0xe0, 0xf0][count] | (code >> (6 * count)));
  for (let left = count - 1; left >= 0; left -= 1) bytes.push(0x80 | ((code >> (6 * left)) & 0x3f));
};

// Integers of 64 bits as numbers, which is what the parsers make of them.
shims.BigInt = (value) => value;

shims.DataView = function (buffer, offset = 0, length = buffer.byteLength - offset) {
  const view = new DataView(buffer, offset, length);
  view.setBigUint64 = (at, value) => {
    const high = Math.floor(value / WORD);
    view.setUint32(at, high);
    view.setUint32(at + 4, value - high * WORD);
  };
  view.getBigUint64 = (at) => view.getUint32(at) * WORD + view.getUint32(at + 4);
  view.getBigInt64 = (at) => view.getInt32(at) * WORD + view.getUint32(at + 4);
  return view;
};

const WORD = 4294967296;

// What is no UTF-8 becomes U+FFFD. Where a text ends is not looked at (`stream`), because what is
// decoded here came whole.
shims.TextDecoder = class {
  decode(bytes) {
    let text = '';
    for (let index = 0; index < bytes.length; ) {
      const [code, length] = readUtf8(bytes, index);
      index += length;
      if (code < 0x10000) text += String.fromCharCode(code);
      else text += String.fromCharCode(0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    }
    return text;
  }
};

const WRONG = [0xfffd, 1];

const readUtf8 = (bytes, at) => {
  const first = bytes[at];
  if (first < 0x80) return [first, 1];
  const count = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
  if (!count) return WRONG;
  let code = first & (0x3f >> count);
  for (let index = at + 1; index <= at + count; index += 1) {
    if ((bytes[index] & 0xc0) !== 0x80) return WRONG;
    code = (code << 6) | (bytes[index] & 0x3f);
  }
  const isShort = code < [0, 0x80, 0x800, 0x10000][count];
  if (isShort || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return WRONG;
  return [code, count + 1];
};

// A browser of that time guesses better than nothing at all.
shims.crypto = {
  getRandomValues(bytes) {
    const { crypto, msCrypto } = shims.globalThis;
    const source = crypto || msCrypto;
    if (source && source.getRandomValues) return source.getRandomValues(bytes);
    for (let index = 0; index < bytes.length; index += 1) {
      bytes[index] = Math.floor(Math.random() * 256);
    }
    return bytes;
  },
};

shims.URLSearchParams = class {
  constructor(values) {
    this._pairs = [];
    for (const name in values) this.append(name, values[name]);
  }

  append(name, value) {
    this._pairs.push([name, `${value}`]);
  }

  toString() {
    return this._pairs.map((pair) => pair.map(encodeFormText).join('=')).join('&');
  }
};

// Half of a surrogate pair alone has no encoding.
const encodeFormText = (text) =>
  encodeURIComponent(withoutHalves(`${text}`))
    .replace(/%20/g, '+')
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const withoutHalves = (text) =>
  text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, (found) =>
    found.length === 2 ? found : '\ufffd',
  );

const DEFAULT_PORTS = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443' };

// Scheme, authority, path, query and fragment (RFC 3986, appendix B).
const ADDRESS = /^(?:([a-z][a-z\d+.-]*:))?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/i;

// User, password, host and port.
const AUTHORITY =
  /^(?:([^:@]*)(?::([^@]*))?@)?(\[[\da-f:.]+\]|[^\s:@<>^|%\\[\]]+)(?::(\d{0,5}))?$/i;

// What the client needs of an address: its parts by the names of a URL. Paths are not tidied up.
class Address {
  constructor(address, base) {
    const text = `${address}`.replace(/^\s+|\s+$/g, '');
    const [found, scheme, authority, path, search, hash] = ADDRESS.exec(text) || [];
    const refuse = () => {
      throw new TypeError(`Invalid URL: ${text}`);
    };
    const context = scheme || base === undefined ? {} : new Address(base);
    if (found === undefined || !(scheme || context.protocol)) refuse();
    this.protocol = (scheme || context.protocol).toLowerCase();
    const isRelative = authority === undefined && !scheme;
    const parts = AUTHORITY.exec(isRelative ? context._authority : authority || '') || refuse();
    this._authority = parts[0];
    this.username = parts[1] || '';
    this.password = parts[2] || '';
    this.hostname = parts[3].toLowerCase();
    this.port = portOf(parts[4], this.protocol, refuse);
    this.host = this.hostname + (this.port && `:${this.port}`);
    this.pathname = pathOf(path, isRelative ? context.pathname : '/');
    const query = search || (isRelative && !path && context.search) || '';
    this.search = query === '?' ? '' : query;
    this.hash = hash && hash !== '#' ? hash : '';
    this.origin = `${this.protocol}//${this.host}`;
    this.href = hrefOf(this) + query + (hash || '');
  }

  toString() {
    return this.href;
  }
}

const portOf = (text, protocol, refuse) => {
  if (+text > 65535) refuse();
  const port = text ? `${+text}` : '';
  return port === DEFAULT_PORTS[protocol] ? '' : port;
};

const pathOf = (path, base) => {
  if (!path) return base;
  return path.charAt(0) === '/' ? path : base.replace(/[^/]*$/, path);
};

// Up to the query.
const hrefOf = ({ protocol, username, password, host, pathname }) => {
  const user = username || password ? `${username}${password && `:${password}`}@` : '';
  return `${protocol}//${user}${host}${pathname}`;
};

// The browser's own, if it is one: an application may bring a URL of it.
const isWhole = (Url) => {
  try {
    return new Url('http://a:1/b').host === 'a:1';
  } catch (error) {
    return false;
  }
};

shims.URL = isWhole(shims.globalThis.URL) ? shims.globalThis.URL : Address;

shims.Address = Address;
