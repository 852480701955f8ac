// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from './helpers.js';
import { shims } from './shims.js';
export var parseAddress = function parseAddress(address) {
  var url = new shims.URL(address, defaultAddress());
  var username = url.username,
    password = url.password,
    search = url.search;
  var auth = password ? "".concat(username, ":").concat(password) : username;
  return shims.Object_assign(url, {
    auth: auth,
    query: search
  });
};
export var defaultAddress = function defaultAddress() {
  var _globalThis$location;
  var origin = (_globalThis$location = shims.globalThis.location) == null ? void 0 : shims.origin(_globalThis$location);
  return origin && origin !== 'null' ? origin : 'http://127.0.0.1';
};
export var parseQuery = function parseQuery(query) {
  var result = {};
  for (var _i2 = 0, _query$matchAll2 = shims.matchAll(query, /([^=?#&]+)=?([^&]*)/g); _i2 < _query$matchAll2.length; _i2++) {
    var _query$matchAll2$_i = _query$matchAll2[_i2],
      name = _query$matchAll2$_i[1],
      value = _query$matchAll2$_i[2];
    try {
      var _map = [name, value].map(function (part) {
          return decodeURIComponent(part.replace(/\+/g, ' '));
        }),
        key = _map[0],
        text = _map[1];
      if (!(key in result)) result[key] = text;
    } catch (_unused) {}
  }
  return result;
};
export var formatQuery = function formatQuery(values) {
  return shims.Object_entries(values).map(function (_ref) {
    var name = _ref[0],
      value = _ref[1];
    return [name, value === value ? value != null ? value : '' : ''].map(encodeURIComponent).join('=');
  }).join('&');
};
export var uriOptions = function uriOptions(options, url, pathname) {
  var _options$protocol, _options$secure, _options$auth, _options$pathname, _options$port;
  var query = options.query && url.query ? url.query.slice(1) : '';
  (_options$protocol = options.protocol) != null ? _options$protocol : options.protocol = 'http:';
  (_options$secure = options.secure) != null ? _options$secure : options.secure = /^(https|wss):$/.test(url.protocol);
  (_options$auth = options.auth) != null ? _options$auth : options.auth = url.auth;
  (_options$pathname = options.pathname) != null ? _options$pathname : options.pathname = pathname;
  options.port = +((_options$port = options.port) != null ? _options$port : url.port) || (options.secure ? 443 : 80);
  options.query = formatQuery(babelHelpers["extends"](babelHelpers["extends"]({}, parseQuery(query)), {}, {
    _primuscb: uniqueText$address()
  }));
  return options;
};
export var joinUri = function joinUri(_ref2, host) {
  var protocol = _ref2.protocol,
    secure = _ref2.secure,
    auth = _ref2.auth,
    pathname = _ref2.pathname,
    query = _ref2.query;
  var scheme = secure ? protocol.replace(':', 's:') : protocol;
  var authority = auth ? "".concat(auth, "@").concat(host) : host;
  var path = pathname ? "/".concat(pathname.slice(1)) : '';
  return "".concat(scheme, "//").concat(authority).concat(path).concat(query === undefined ? '' : "?".concat(query));
};
var uniqueCount$address = 0;
var uniqueText$address = function uniqueText() {
  return "".concat(Date.now(), ".").concat(uniqueCount$address++);
};
