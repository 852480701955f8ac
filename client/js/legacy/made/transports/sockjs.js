// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from '../helpers.js';
import { shims } from '../shims.js';
import { extend, request, tell } from './http.js';
import { openSocket, socketClass } from './socket.js';
export var sockjs = function sockjs(link) {
  return new SockJs$transports_sockjs(link);
};
var CARRIER_OPENS_MS$transports_sockjs = 3000;
var LAST_WORDS_MS$transports_sockjs = 5000;
var SENT_CHARS$transports_sockjs = 128 * 1024;
var NORMAL$transports_sockjs = 1000;
var LOST$transports_sockjs = 1006;
var ALL_FAILED$transports_sockjs = 2000;
var TIMED_OUT$transports_sockjs = 2007;
var SockJs$transports_sockjs = function () {
  function SockJs(link) {
    var _link$options$transpo, _this$$options$transp;
    this.$link = void 0;
    this.$uri = void 0;
    this.$options = void 0;
    this.$names = void 0;
    this.$carrier = void 0;
    this.$outbox = [];
    this.$sending = void 0;
    this.$isOpen = false;
    this.$isClosing = false;
    this.$isOver = false;
    this.$timer = void 0;
    this.$link = link;
    this.$uri = link.uri({
      protocol: 'http:',
      query: true
    });
    this.$options = (_link$options$transpo = link.options.transport) != null ? _link$options$transpo : {};
    var wanted = (_this$$options$transp = this.$options.transports) != null ? _this$$options$transp : Object.keys(carriers$transports_sockjs);
    this.$names = Object.keys(carriers$transports_sockjs).filter(function (name) {
      if (name === 'websocket' && link.options.websockets === false) return false;
      if (name === 'eventsource' && !shims.globalThis.EventSource) return false;
      return shims.includes(wanted, name);
    });
    var _this$$names = this.$names,
      first = _this$$names[0],
      others = babelHelpers.arrayLikeToArray(_this$$names).slice(1);
    if (first === 'websocket' && others[0] && !socketClass(link)) this.$names = others;
    this.$connect();
  }
  var _proto = SockJs.prototype;
  _proto.send = function send(packet) {
    if (this.$isClosing) return;
    this.$outbox.push(JSON.stringify("".concat(packet)));
    this.$flush();
  };
  _proto.close = function close() {
    var _this = this;
    if (this.$isClosing || this.$isOver) return;
    this.$isClosing = true;
    this.$wait(LAST_WORDS_MS$transports_sockjs, function () {
      return _this.$end();
    });
    this.$flush();
  };
  _proto.$connect = function $connect() {
    var _this2 = this,
      _this$$options$timeou;
    var name = this.$names.shift();
    this.$carrier = undefined;
    if (!name) return shims.queueMicrotask(function () {
      return _this2.$finish(ALL_FAILED$transports_sockjs, 'All transports failed');
    });
    var _this$$options$server = this.$options.server,
      server = _this$$options$server === void 0 ? shims.padStart("".concat(Math.floor(Math.random() * 1000)), 3, '0') : _this$$options$server;
    var uri = extend(this.$uri, "/".concat(server, "/").concat(sessionName$transports_sockjs()));
    var isCurrent = function isCurrent() {
      return _this2.$carrier === carrier;
    };
    var hear = function hear(frame) {
      return isCurrent() && _this2.$take(frame);
    };
    var lost = function lost(code, reason) {
      return isCurrent() && _this2.$lost(code, reason);
    };
    var carrier = carriers$transports_sockjs[name](uri, hear, lost, this.$link);
    this.$carrier = carrier;
    var late = function late() {
      return _this2.$lost(TIMED_OUT$transports_sockjs, 'Transport timed out');
    };
    this.$wait(Math.max((_this$$options$timeou = this.$options.timeout) != null ? _this$$options$timeou : 0, CARRIER_OPENS_MS$transports_sockjs), late);
  };
  _proto.$lost = function $lost(code, reason) {
    if (this.$isOpen || this.$isClosing) return this.$finish(code, reason);
    this.$carrier.close();
    this.$connect();
  };
  _proto.$take = function $take(frame) {
    if (this.$isOver) return;
    var type = frame[0];
    if (type === 'o') return this.$opened();
    if (!shims.includes('amc', type)) return;
    var content;
    try {
      content = JSON.parse(frame.slice(1));
    } catch (_unused) {
      return this.$finish(LOST$transports_sockjs, 'Bad frame');
    }
    if (type === 'c') return this.$finish.apply(this, content);
    for (var _i2 = 0, _ref2 = type === 'a' ? content : [content]; _i2 < _ref2.length; _i2++) {
      var message = _ref2[_i2];
      this.$receive(message);
    }
  };
  _proto.$receive = function $receive(message) {
    if (!this.$isClosing && !this.$isOver) tell(this.$link, 'received', message);
  };
  _proto.$opened = function $opened() {
    if (this.$isOpen) return this.$finish(LOST$transports_sockjs, 'Server lost session');
    this.$isOpen = true;
    clearTimeout(this.$timer);
    tell(this.$link, 'opened');
    this.$flush();
  };
  _proto.$flush = function $flush() {
    var _this3 = this;
    while (this.$outbox.length > 0 && this.$isOpen && !this.$isOver && !this.$sending) {
      var _this$$sending;
      this.$sending = this.$carrier.send(this.$batch());
      (_this$$sending = this.$sending) == null || _this$$sending.then(function () {
        _this3.$sending = undefined;
        _this3.$flush();
      }, function (error) {
        return _this3.$finish(LOST$transports_sockjs, "Sending error: ".concat(error.message));
      });
    }
    if (this.$isClosing && !this.$sending) this.$end();
  };
  _proto.$batch = function $batch() {
    var count = 0;
    for (var chars = 0; chars < SENT_CHARS$transports_sockjs && count < this.$outbox.length; count += 1) {
      chars += this.$outbox[count].length;
    }
    return "[".concat(this.$outbox.splice(0, count), "]");
  };
  _proto.$wait = function $wait(ms, then) {
    clearTimeout(this.$timer);
    this.$timer = setTimeout(then, ms);
  };
  _proto.$finish = function $finish(code, reason) {
    var isError = code > NORMAL$transports_sockjs && !this.$isClosing;
    this.$end(isError && shims.Object_assign(new Error(reason), {
      code: code,
      reason: reason
    }));
  };
  _proto.$end = function $end(error) {
    var _this$$carrier;
    if (this.$isOver) return;
    this.$isOver = true;
    clearTimeout(this.$timer);
    (_this$$carrier = this.$carrier) == null || _this$$carrier.close();
    if (error) tell(this.$link, 'failed', error);
    tell(this.$link, 'ended');
  };
  return babelHelpers.createClass(SockJs);
}();
var sessionName$transports_sockjs = function sessionName() {
  var characters = 'abcdefghijklmnopqrstuvwxyz012345';
  var bytes = shims.crypto.getRandomValues(new Uint8Array(8));
  return shims.Array_from(bytes, function (_byte) {
    return characters[_byte % 32];
  }).join('');
};
var overWebSocket$transports_sockjs = function overWebSocket(uri, hear, lost, link) {
  var socket = openSocket(link, extend(uri.replace('http', 'ws'), '/websocket'));
  socket.onmessage = function (_ref3) {
    var data = _ref3.data;
    return hear(data);
  };
  socket.onclose = function (_ref4) {
    var code = _ref4.code,
      reason = _ref4.reason;
    return lost(code, reason || 'WebSocket connection broken');
  };
  socket.onerror = function () {};
  return {
    send: function send(messages) {
      return socket.send(messages);
    },
    close: function close() {
      return socket.close();
    }
  };
};
var overRequests$transports_sockjs = function overRequests(receive) {
  return function (uri, hear, lost) {
    var sending;
    var stop = receive(uri, hear, function (reason) {
      return lost(LOST$transports_sockjs, reason);
    });
    return {
      send: function send(body) {
        var headers = {
          'content-type': 'text/plain'
        };
        sending = request(extend(uri, '/xhr_send'), babelHelpers["extends"](babelHelpers["extends"]({}, POST$transports_sockjs), {}, {
          body: body,
          headers: headers
        }));
        return sending.done;
      },
      close: function close() {
        var _sending;
        stop();
        (_sending = sending) == null || _sending.abort();
      }
    };
  };
};
var POST$transports_sockjs = {
  method: 'POST',
  credentials: 'include'
};
var overLines$transports_sockjs = function overLines(path) {
  return overRequests$transports_sockjs(function (uri, hear, lost) {
    var current;
    var _ask = function ask() {
      var line = '';
      var count = 0;
      current = request(extend(uri, path), POST$transports_sockjs, function (text) {
        var lines = text.split('\n');
        lines[0] = line + lines[0];
        line = lines.pop();
        count += lines.length;
        for (var _i4 = 0; _i4 < lines.length; _i4++) {
          var frame = lines[_i4];
          hear(frame);
        }
      });
      var again = function again() {
        return count > 0 ? _ask() : lost('The server answered without a frame');
      };
      current.done.then(again, function (error) {
        return lost(error.message);
      });
    };
    _ask();
    return function () {
      return current.abort();
    };
  });
};
var overEventSource$transports_sockjs = overRequests$transports_sockjs(function (uri, hear, lost) {
  var source;
  var _ask2 = function ask() {
    var count = 0;
    source = new EventSource(extend(uri, '/eventsource'));
    source.onmessage = function (_ref5) {
      var data = _ref5.data;
      count += 1;
      hear(decodeURI(data));
    };
    source.onerror = function () {
      source.close();
      if (count > 0) _ask2();else lost('The server answered without a frame');
    };
  };
  _ask2();
  return function () {
    return source.close();
  };
});
var carriers$transports_sockjs = {
  websocket: overWebSocket$transports_sockjs,
  'xhr-streaming': overLines$transports_sockjs('/xhr_streaming'),
  eventsource: overEventSource$transports_sockjs,
  'xhr-polling': overLines$transports_sockjs('/xhr')
};
