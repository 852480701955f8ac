// A page of an old browser: a context of Node.js that has what ES5 has, typed arrays, and what
// browsers of about 2012 gave to scripts. Everything younger is taken away, so that a script that
// needs it fails.
'use strict';

const http = require('node:http');
const { StringDecoder } = require('node:string_decoder');
const vm = require('node:vm');

const Socket = require('ws');

/**
 * Names of ES5 (ECMA-262, 5.1, chapter 15), and of typed arrays in Internet Explorer 10. Regular
 * expressions are left as they are: the methods of texts are made of what is young about them.
 */
const ES5 = {
  Object:
    'getPrototypeOf getOwnPropertyDescriptor getOwnPropertyNames create defineProperty ' +
    'defineProperties seal freeze preventExtensions isSealed isFrozen isExtensible keys',
  Array: 'isArray',
  String: 'fromCharCode',
  Number: 'MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY',
  Math:
    'E LN10 LN2 LOG2E LOG10E PI SQRT1_2 SQRT2 abs acos asin atan atan2 ceil cos exp floor log ' +
    'max min pow random round sin sqrt tan',
  Date: 'parse UTC now',
  ArrayBuffer: '',
  DataView: '',
  Uint8Array: 'BYTES_PER_ELEMENT',
  'Object.prototype':
    'constructor toString toLocaleString valueOf hasOwnProperty isPrototypeOf ' +
    'propertyIsEnumerable __proto__',
  'Array.prototype':
    'length constructor toString toLocaleString concat join pop push reverse shift slice sort ' +
    'splice unshift indexOf lastIndexOf every some forEach map filter reduce reduceRight',
  'String.prototype':
    'length constructor toString valueOf charAt charCodeAt concat indexOf lastIndexOf ' +
    'localeCompare match replace search slice split substring substr toLowerCase ' +
    'toLocaleLowerCase toUpperCase toLocaleUpperCase trim',
  'Number.prototype':
    'constructor toString toLocaleString valueOf toFixed toExponential toPrecision',
  'Function.prototype': 'length name constructor toString apply call bind arguments caller',
  'ArrayBuffer.prototype': 'constructor byteLength slice',
  'Uint8Array.prototype': 'constructor BYTES_PER_ELEMENT',
  'Uint8Array.prototype.__proto__':
    'constructor buffer byteLength byteOffset length set subarray',
};

const GLOBALS =
  'Object Array String Number Boolean Math Date RegExp Function Error EvalError RangeError ' +
  'ReferenceError SyntaxError TypeError URIError JSON NaN Infinity undefined parseInt parseFloat ' +
  'isNaN isFinite decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape eval ' +
  'ArrayBuffer DataView Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array ' +
  'Float32Array Float64Array ' +
  'window self location navigator setTimeout clearTimeout XMLHttpRequest WebSocket btoa atob';

/** Runs in the page, so it is ES5 itself, and asks for nothing that it may have taken away. */
const STRIP = `(function (window) { return function (es5, globals) {
  var namesOf = Object.getOwnPropertyNames;
  var symbolsOf = Object.getOwnPropertySymbols;
  var strip = function (object, kept) {
    namesOf(object).forEach(function (name) {
      if (kept.split(' ').indexOf(name) < 0) delete object[name];
    });
    // What is iterated over in other ways than by counting is found.
    symbolsOf(object).forEach(function (symbol) { delete object[symbol]; });
  };
  var all = Object.keys(es5).map(function (path) {
    var find = function (value, name) { return value[name]; };
    return [path.split('.').reduce(find, window), es5[path] + ' prototype'];
  });
  all.push([window, globals]);
  all.forEach(function (pair) { strip(pair[0], pair[1]); });
}; })(this)`;

/** A page with the script's text in it, and the global object of that page. */
function openPage(text, globals = {}) {
  const page = vm.createContext(
    {
      location: { protocol: 'http:', host: 'a.example', hostname: 'a.example', port: '' },
      navigator: {},
      setTimeout,
      clearTimeout,
      btoa,
      atob,
      XMLHttpRequest: Request,
      WebSocket: function WebSocket(url) {
        return new Socket(url);
      },
      ...globals,
    },
    { codeGeneration: { strings: false, wasm: false } },
  );
  page.window = page.self = page;
  const kept = `${GLOBALS} ${Object.keys(globals).join(' ')}`;
  vm.runInContext(STRIP, page)(ES5, kept);
  vm.runInContext(text, page, { filename: 'primus.js' });
  return page;
}

/** What a page sees of XMLHttpRequest, over a socket. Its text grows while it comes. */
class Request {
  constructor() {
    this.readyState = 0;
    this.status = 0;
    this.responseText = '';
    this.onreadystatechange = null;
  }

  open(method, url) {
    this._headers = {};
    this._call = { method, url };
    this._turn(1);
  }

  setRequestHeader(name, value) {
    this._headers[name] = value;
  }

  send(body) {
    const { method, url } = this._call;
    this._request = http.request(url, { method, headers: this._headers, agent: false });
    this._request.on('error', () => this._end());
    this._request.on('response', (response) => this._answer(response));
    this._request.end(body ?? undefined);
  }

  _answer(response) {
    const decoder = new StringDecoder('utf8');
    this.status = response.statusCode;
    this._turn(2);
    response.on('data', (bytes) => {
      this.responseText += decoder.write(bytes);
      this._turn(3);
    });
    response.on('end', () => this._end(true));
    response.on('error', () => this._end());
  }

  _end(isComplete = false) {
    if (this.readyState === 4) return;
    if (!isComplete) this.status = 0;
    this._turn(4);
  }

  // As the standard has it, a request that is given up says so at once.
  abort() {
    this._request?.destroy();
    this._end();
  }

  _turn(state) {
    this.readyState = state;
    this.onreadystatechange?.();
  }
}

module.exports = { Request, openPage };
