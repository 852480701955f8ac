// Addresses: the URL of the server taken apart, query strings, and the URL of a connection put
// together.

// A URL with its parts also by the names that npm url-parse gives them. A relative one is the
// page's.
export const parseAddress = (address) => {
  const url = new URL(address, defaultAddress());
  const { username, password, search } = url;
  const auth = password ? `${username}:${password}` : username;
  return Object.assign(url, { auth, query: search });
};

// The origin of the page. There is none in Node.js, nor in a page without an origin of its own.
export const defaultAddress = () => {
  const origin = globalThis.location?.origin;
  return origin && origin !== 'null' ? origin : 'http://127.0.0.1';
};

// As npm querystringify: the first of several values counts, names of `Object.prototype` and what
// is no valid encoding are left out.
export const parseQuery = (query) => {
  const result = {};
  for (const [, name, value] of query.matchAll(/([^=?#&]+)=?([^&]*)/g)) {
    try {
      const [key, text] = [name, value].map((part) => decodeURIComponent(part.replace(/\+/g, ' ')));
      if (!(key in result)) result[key] = text;
    } catch {
      // The pair is not valid and left out.
    }
  }
  return result;
};

export const formatQuery = (values) =>
  Object.entries(values)
    .map(([name, value]) => [name, value === value ? (value ?? '') : '']
      .map(encodeURIComponent).join('='))
    .join('&');

// Completes the options from which the URL of a connection is made: what `outgoing::url` is called
// with, and may change.
export const uriOptions = (options, url, pathname) => {
  const query = options.query && url.query ? url.query.slice(1) : '';
  options.protocol ??= 'http:';
  options.secure ??= /^(https|wss):$/.test(url.protocol);
  options.auth ??= url.auth;
  options.pathname ??= pathname;
  options.port = +(options.port ?? url.port) || (options.secure ? 443 : 80);
  // A URL that nobody has seen before, so that no cache can answer for the server.
  options.query = formatQuery({ ...parseQuery(query), _primuscb: uniqueText() });
  return options;
};

// The path is optional because some transports make their own.
export const joinUri = ({ protocol, secure, auth, pathname, query }, host) => {
  const scheme = secure ? protocol.replace(':', 's:') : protocol;
  const authority = auth ? `${auth}@${host}` : host;
  const path = pathname ? `/${pathname.slice(1)}` : '';
  return `${scheme}//${authority}${path}${query === undefined ? '' : `?${query}`}`;
};

let uniqueCount = 0;

const uniqueText = () => `${Date.now()}.${uniqueCount++}`;
