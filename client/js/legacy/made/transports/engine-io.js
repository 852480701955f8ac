// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from '../helpers.js';
import { shims } from '../shims.js';
import { fromBase64, toBase64 } from './base64.js';
import { extend, request, tell, unique } from './http.js';
import { openSocket, socketClass, socketError } from './socket.js';
export var engineIo = function engineIo(link) {
  return new EngineIo$transports_engine_io(link);
};
var OPEN_PACKET$transports_engine_io = '0';
var CLOSE_PACKET$transports_engine_io = '1';
var PING_PACKET$transports_engine_io = '2';
var PONG_PACKET$transports_engine_io = '3';
var MESSAGE_PACKET$transports_engine_io = '4';
var UPGRADE_PACKET$transports_engine_io = '5';
var BYTES_PACKET$transports_engine_io = 'b';
var PROBE$transports_engine_io = 'probe';
var SEPARATOR$transports_engine_io = '\x1e';
var framed$transports_engine_io = function framed(packet) {
  if (!shims.includes(packet, SEPARATOR$transports_engine_io)) return packet;
  return BYTES_PACKET$transports_engine_io + toBase64(textBytes$transports_engine_io(packet.slice(1)));
};
var textBytes$transports_engine_io = function textBytes(text) {
  return new shims.TextEncoder().encode(text);
};
var GOODBYE_MS$transports_engine_io = 5000;
var EngineIo$transports_engine_io = function () {
  function EngineIo(link) {
    var _link$options$transpo, _this$$options$transp;
    this.id = void 0;
    this.$link = void 0;
    this.$uri = void 0;
    this.$options = void 0;
    this.$names = void 0;
    this.$handshake = void 0;
    this.$outbox = [];
    this.$poll = void 0;
    this.$post = void 0;
    this.$socket = void 0;
    this.$isUpgraded = false;
    this.$isPausing = false;
    this.$isClosing = false;
    this.$isOver = false;
    this.$timer = void 0;
    this.$link = link;
    this.$uri = link.uri({
      protocol: 'http:',
      query: true
    });
    this.$options = (_link$options$transpo = link.options.transport) != null ? _link$options$transpo : {};
    this.$names = ((_this$$options$transp = this.$options.transports) != null ? _this$$options$transp : ['polling', 'websocket']).filter(function (name) {
      return name !== 'websocket' || link.options.websockets !== false;
    });
    if (this.$names[0] === 'websocket') {
      this.$isUpgraded = true;
      this.$openSocket();
    } else {
      this.$pollOnce();
    }
  }
  var _proto = EngineIo.prototype;
  _proto.send = function send(packet) {
    if (this.$isClosing) return;
    var isText = typeof packet === 'string';
    this.$outbox.push(isText ? MESSAGE_PACKET$transports_engine_io + packet : BYTES_PACKET$transports_engine_io + toBase64(packet));
    this.$flush();
  };
  _proto.close = function close() {
    if (this.$isClosing || this.$isOver) return;
    this.$wait(GOODBYE_MS$transports_engine_io);
    this.$isClosing = true;
    if (this.$isUpgraded && !this.id) this.$socket.close();else if (!this.$isUpgraded && !this.$isPausing) this.$dropSocket();
    this.$flush();
  };
  _proto.$uriOf = function $uriOf(transport) {
    var isSocket = transport === 'websocket';
    var uri = isSocket ? this.$uri.replace('http', 'ws') : this.$uri;
    var sid = this.id ? "&sid=".concat(encodeURIComponent(this.id)) : '';
    var b64 = isSocket || !sid ? '&b64=1' : '';
    return extend(uri, '/', "&EIO=4&transport=".concat(transport, "&t=").concat(unique()).concat(b64).concat(sid));
  };
  _proto.$request = function $request(init, hear) {
    var _this$$options = this.$options,
      withCredentials = _this$$options.withCredentials,
      extraHeaders = _this$$options.extraHeaders;
    var headers = babelHelpers["extends"](babelHelpers["extends"]({}, extraHeaders), init.headers);
    var credentials = withCredentials ? 'include' : 'same-origin';
    return request(this.$uriOf('polling'), babelHelpers["extends"](babelHelpers["extends"]({}, init), {}, {
      headers: headers,
      credentials: credentials
    }), hear);
  };
  _proto.$pollOnce = function $pollOnce() {
    var _this = this;
    var body = '';
    this.$poll = this.$request({}, function (text) {
      body += text;
    });
    this.$poll.done.then(function () {
      _this.$poll = undefined;
      for (var _i2 = 0, _body$split2 = body.split(SEPARATOR$transports_engine_io); _i2 < _body$split2.length; _i2++) {
        var packet = _body$split2[_i2];
        _this.$take(packet);
      }
      if (!_this.$isOver) _this.$continue();
    }, function (error) {
      return _this.$end(error);
    });
  };
  _proto.$continue = function $continue() {
    if (!this.id) return this.$end(new Error('The server opened no session'));
    if (this.$isPausing) this.$takeOver();else if (!this.$isUpgraded && !this.$poll && !this.$isClosing) this.$pollOnce();
    this.$flush();
  };
  _proto.$postBody = function $postBody(body) {
    var _this2 = this;
    var headers = {
      'content-type': 'text/plain;charset=UTF-8'
    };
    this.$post = this.$request({
      method: 'POST',
      body: body,
      headers: headers
    });
    this.$post.done.then(function () {
      _this2.$post = undefined;
      if (body === CLOSE_PACKET$transports_engine_io) _this2.$end();else if (!_this2.$isOver) _this2.$continue();
    }, function (error) {
      return _this2.$end(error);
    });
  };
  _proto.$take = function $take(packet) {
    if (this.$isOver) return;
    try {
      this.$read(packet);
    } catch (error) {
      this.$end(error);
    }
  };
  _proto.$read = function $read(packet) {
    if (typeof packet !== 'string') return this.$receive(packet);
    var data = packet.slice(1);
    switch (packet[0]) {
      case OPEN_PACKET$transports_engine_io:
        return this.$opened(data);
      case CLOSE_PACKET$transports_engine_io:
        return this.$end();
      case PING_PACKET$transports_engine_io:
        this.$wait();
        this.$outbox.push(PONG_PACKET$transports_engine_io);
        return this.$flush();
      case MESSAGE_PACKET$transports_engine_io:
        return this.$receive(data);
      case BYTES_PACKET$transports_engine_io:
        return this.$receive(fromBase64(data));
    }
  };
  _proto.$receive = function $receive(message) {
    if (!this.$isClosing) tell(this.$link, 'received', message);
  };
  _proto.$opened = function $opened(data) {
    if (this.id) return;
    this.$handshake = JSON.parse(data);
    this.id = this.$handshake.sid;
    this.$wait();
    if (!this.$isClosing) tell(this.$link, 'opened');
    var _this$$handshake$upgr = this.$handshake.upgrades,
      upgrades = _this$$handshake$upgr === void 0 ? [] : _this$$handshake$upgr;
    var isWanted = this.$options.upgrade !== false && shims.includes(this.$names, 'websocket');
    var isOffered = shims.includes(upgrades, 'websocket') && socketClass(this.$link);
    if (isWanted && isOffered && !this.$isUpgraded && !this.$isClosing) this.$openSocket();
    this.$flush();
  };
  _proto.$openSocket = function $openSocket() {
    var _this3 = this;
    var socket = openSocket(this.$link, this.$uriOf('websocket'));
    this.$socket = socket;
    var isProbing = function isProbing() {
      return !_this3.$isUpgraded;
    };
    socket.onopen = function () {
      return isProbing() && socket.send(PING_PACKET$transports_engine_io + PROBE$transports_engine_io);
    };
    socket.onmessage = function (_ref) {
      var data = _ref.data;
      return isProbing() ? _this3.$probed(data) : _this3.$take(data);
    };
    socket.onerror = function (event) {
      return !isProbing() && _this3.$end(socketError(event));
    };
    socket.onclose = function () {
      return isProbing() ? _this3.$giveUpProbe() : _this3.$end();
    };
  };
  _proto.$probed = function $probed(data) {
    if (data !== PONG_PACKET$transports_engine_io + PROBE$transports_engine_io) return this.$giveUpProbe();
    this.$isPausing = true;
    this.$takeOver();
  };
  _proto.$giveUpProbe = function $giveUpProbe() {
    if (this.$isOver || !this.$socket) return;
    this.$dropSocket();
    this.$isPausing = false;
    this.$continue();
  };
  _proto.$takeOver = function $takeOver() {
    if (this.$poll || this.$post) return;
    this.$isPausing = false;
    this.$isUpgraded = true;
    this.$socket.send(UPGRADE_PACKET$transports_engine_io);
    this.$flush();
  };
  _proto.$flush = function $flush() {
    if (!this.id || this.$isOver || this.$isPausing) return;
    if (this.$isUpgraded) {
      for (var _i4 = 0, _this$$outbox$splice2 = this.$outbox.splice(0); _i4 < _this$$outbox$splice2.length; _i4++) {
        var packet = _this$$outbox$splice2[_i4];
        this.$socket.send(packet);
      }
      if (this.$isClosing) this.$socket.close();
    } else if (!this.$post) {
      if (this.$outbox.length > 0) this.$postBody(this.$batch());else if (this.$isClosing) this.$postBody(CLOSE_PACKET$transports_engine_io);
    }
  };
  _proto.$batch = function $batch() {
    var _this$$handshake$maxP = this.$handshake.maxPayload,
      maxPayload = _this$$handshake$maxP === void 0 ? Infinity : _this$$handshake$maxP;
    var sizeOf = function sizeOf(packet) {
      return textBytes$transports_engine_io(framed$transports_engine_io(packet)).length + SEPARATOR$transports_engine_io.length;
    };
    var size = sizeOf(this.$outbox[0]) - SEPARATOR$transports_engine_io.length;
    var count = 1;
    for (; count < this.$outbox.length; count += 1) {
      size += sizeOf(this.$outbox[count]);
      if (size > maxPayload) break;
    }
    return this.$outbox.splice(0, count).map(framed$transports_engine_io).join(SEPARATOR$transports_engine_io);
  };
  _proto.$wait = function $wait(ms) {
    var _this4 = this;
    if (ms === void 0) {
      ms = this.$handshake.pingInterval + this.$handshake.pingTimeout;
    }
    if (this.$isClosing) return;
    clearTimeout(this.$timer);
    this.$timer = setTimeout(function () {
      return _this4.$end();
    }, ms);
  };
  _proto.$dropSocket = function $dropSocket() {
    var socket = this.$socket;
    this.$socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = function () {};
    socket.close();
  };
  _proto.$end = function $end(error) {
    var _this$$poll, _this$$post;
    if (this.$isOver) return;
    this.$isOver = true;
    clearTimeout(this.$timer);
    (_this$$poll = this.$poll) == null || _this$$poll.abort();
    (_this$$post = this.$post) == null || _this$$post.abort();
    this.$dropSocket();
    if (error && !this.$isClosing) tell(this.$link, 'failed', error);
    tell(this.$link, 'ended');
  };
  return babelHelpers.createClass(EngineIo);
}();
