// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from './helpers.js';
import { shims } from './shims.js';
import { defaultAddress, formatQuery, joinUri } from './address.js';
import { parseAddress, parseQuery, uriOptions } from './address.js';
import { defaults, parsers, transports } from './defaults.js';
import { Emitter } from './emitter.js';
import { CLOSED, OPEN, OPENING, RECOVERY_EVENTS, changeState } from './lifecycle.js';
import { followEvents, reconnectOrEnd } from './lifecycle.js';
import { makeLink } from './link.js';
import { followNetwork, leaveNetwork, networkEventsExist } from './network.js';
import { chooseAmong, completeOptions, parserFunctions } from './options.js';
import { Recovery } from './recovery.js';
import { Timers } from './timers.js';
export function Primus(url, options) {
  var _options$pathname, _options$authorizatio;
  if (!(this instanceof Primus)) return new Primus(url, options);
  if (typeof url === 'object' && !(url instanceof shims.URL)) {
    options = url;
    url = options.url || options.uri;
  }
  options != null ? options : options = {};
  if ('ping' in options || 'pong' in options) {
    return this.critical(new Error('The `ping` and `pong` options have been removed'));
  }
  this.pathname = (_options$pathname = options.pathname) != null ? _options$pathname : this.pathname;
  this.authorization = (_options$authorizatio = options.authorization) != null ? _options$authorizatio : this.authorization;
  this.options = completeOptions(options, defaults, this.authorization);
  this.buffer = [];
  this.writable = this.readable = true;
  this.url = this.parse(url || defaultAddress());
  this.readyState = CLOSED;
  this.timers = new Timers();
  this.socket = null;
  this.disconnect = false;
  this.transport = this.options.transport;
  this.transformers = {
    outgoing: [],
    incoming: []
  };
  this.recovery = new Recovery(this.options.reconnect);
  if ('websockets' in options) this.AVOID_WEBSOCKETS = !options.websockets;
  if ('network' in options) this.NETWORK_EVENTS = options.network;
  this.initialise(this.options);
}
var PrimusMethods$primus = function (_Emitter) {
  function PrimusMethods() {
    return _Emitter.apply(this, arguments) || this;
  }
  babelHelpers.inherits(PrimusMethods, _Emitter);
  var _proto = PrimusMethods.prototype;
  _proto.initialise = function initialise() {
    var _this = this;
    var _this$options = this.options,
      manual = _this$options.manual,
      parser = _this$options.parser,
      transformer = _this$options.transformer;
    var transport = chooseAmong('transformer', transports, transformer != null ? transformer : defaults.transformer);
    if (parser) shims.Object_assign(this, parserFunctions(chooseAmong('parser', parsers, parser)));
    if (!manual) this.timers.setTimeout('open', function () {
      return _this.open();
    }, 0);
    followEvents(this, makeLink(this, transport));
    for (var name in this.ark) this.ark[name].call(this, this, this.options);
    if (this.NETWORK_EVENTS) followNetwork(this);
    return this;
  };
  _proto.open = function open() {
    if (!this.recovery.reconnecting() && this.options.timeout) this.timeout();
    this.emit('outgoing::open');
    return this;
  };
  _proto.write = function write(data) {
    this.transforms(this, this, 'outgoing', data);
    return true;
  };
  _proto._write = function _write(data) {
    var _this2 = this;
    if (this.readyState !== OPEN) {
      var _this$options2;
      this.buffer.push(data);
      if (this.buffer.length > ((_this$options2 = this.options) == null ? void 0 : _this$options2.queueSize)) this.buffer.shift();
      return false;
    }
    this.encoder(data, function (error, packet) {
      if (error) _this2.emit('error', error);else if (packet !== undefined) _this2.emit('outgoing::data', escapeLineSeparators$primus(packet));
    });
    return true;
  };
  _proto.heartbeat = function heartbeat() {
    var _this3 = this;
    var pingTimeout = this.options.pingTimeout;
    var expire = function expire() {
      if (!_this3.online) return;
      _this3.online = false;
      _this3.emit('offline');
      _this3.emit('incoming::end');
    };
    if (pingTimeout) this.timers.setTimeout('heartbeat', expire, pingTimeout);
    return this;
  };
  _proto.timeout = function timeout() {
    var _this4 = this;
    if (this.timers.active('connect')) return this;
    var _stop = function stop() {
      var _this4$timers;
      _this4.off('open', _stop).off('end', _stop);
      (_this4$timers = _this4.timers) == null || _this4$timers.clear('connect');
    };
    var expire = function expire() {
      _stop();
      if (_this4.readyState === OPEN || _this4.recovery.reconnecting()) return;
      _this4.emit('timeout');
      reconnectOrEnd(_this4);
    };
    this.timers.setTimeout('connect', expire, this.options.timeout);
    return this.on('open', _stop).on('end', _stop);
  };
  _proto.protocol = function protocol(message) {
    var found = typeof message === 'string' && /^primus::(?:([^:]*)::?([^]*))?/.exec(message);
    if (!found) return false;
    var kind = found[1],
      value = found[2];
    if (kind === 'ping') this.emit('incoming::ping', +value);else if (kind === 'id') this.emit('incoming::id', value);else if (kind === 'server' && value === 'close') this.disconnect = true;
    return true;
  };
  _proto.end = function end(data, forNow) {
    var recovery = this.recovery,
      timers = this.timers;
    this.disconnect || (this.disconnect = !forNow);
    if (this.readyState === CLOSED && !(timers != null && timers.active('connect')) && !(timers != null && timers.active('open'))) {
      if (recovery != null && recovery.reconnecting()) {
        recovery.reset();
        this.emit('end');
      }
      return this;
    }
    if (data !== undefined) this.write(data);
    this.writable = this.readable = false;
    changeState(this, CLOSED, 'end');
    timers.clear();
    recovery.reset();
    this.emit('outgoing::end');
    this.emit('close');
    this.emit('end');
    return this;
  };
  _proto.destroy = function destroy() {
    if (!this.url) return false;
    this.end();
    for (var _i2 = 0; _i2 < OWNED$primus.length; _i2++) {
      var _this$name, _this$name$destroy;
      var name = OWNED$primus[_i2];
      (_this$name = this[name]) == null || (_this$name$destroy = _this$name.destroy) == null || _this$name$destroy.call(_this$name);
      this[name] = null;
    }
    this.emit('destroy');
    this.removeAllListeners();
    leaveNetwork(this);
    return true;
  };
  _proto.id = function id(fn) {
    var _this$socket;
    if (this.readyState === OPEN && (_this$socket = this.socket) != null && _this$socket.id) return fn(this.socket.id);
    this._write('primus::id::');
    return this.once('incoming::id', fn);
  };
  _proto.transform = function transform(type, fn) {
    if (!(type in this.transformers)) return this.critical(new Error('Invalid transformer type'));
    this.transformers[type].push(fn);
    return this;
  };
  _proto.transforms = function transforms(primus, connection, type, data, raw) {
    var packet = {
      data: data
    };
    var fns = primus.transformers[type];
    var _step = function step(index) {
      var fn = fns[index];
      if (!fn) {
        if (type === 'incoming') connection.emit('data', packet.data, raw);else connection._write(packet.data);
      } else if (fn.length === 1) {
        if (fn.call(connection, packet) !== false) _step(index + 1);
      } else {
        fn.call(connection, packet, function (error, keep) {
          if (error) connection.emit('error', error);else if (keep !== false) _step(index + 1);
        });
      }
    };
    _step(0);
    return this;
  };
  _proto.plugin = function plugin(name) {
    return name ? this.ark[name] : babelHelpers["extends"]({}, this.ark);
  };
  _proto.critical = function critical(error) {
    if (this.emit('error', error)) return this;
    throw error;
  };
  _proto.uri = function uri(options) {
    if (options === void 0) {
      options = {};
    }
    var hasQuery = !!options.query;
    uriOptions(options, this.url, this.pathname);
    this.emit('outgoing::url', options);
    if (!hasQuery) delete options.query;
    return options.object ? options : joinUri(options, this.url.host);
  };
  _proto.merge = function merge(target) {
    for (var _len = arguments.length, sources = new Array(_len > 1 ? _len - 1 : 0), _key = 1; _key < _len; _key++) {
      sources[_key - 1] = arguments[_key];
    }
    return shims.Object_assign.apply(Object, [target].concat(sources));
  };
  _proto.clone = function clone(source) {
    return babelHelpers["extends"]({}, source);
  };
  _proto.reserved = function reserved(event) {
    return /^(incoming|outgoing)::/.test(event) || event in this.reserved.events;
  };
  return babelHelpers.createClass(PrimusMethods);
}(Emitter);
var OWNED$primus = 'url,timers,options,recovery,socket,transport,transformers'.split(',');
var escapeLineSeparators$primus = function escapeLineSeparators(packet) {
  if (typeof packet !== 'string') return packet;
  return packet.replace(/\u2028/g, "\\u2028").replace(/\u2029/g, "\\u2029");
};
var CLIENT_EVENTS$primus = 'readyStateChange,offline,timeout,destroy,online,error,close,open,data,end';
Primus.prototype = shims.Object_assign(PrimusMethods$primus.prototype, babelHelpers["extends"](babelHelpers["extends"]({}, parserFunctions(parsers[defaults.parser])), {}, {
  constructor: Primus,
  ark: {},
  AVOID_WEBSOCKETS: false,
  NETWORK_EVENTS: networkEventsExist(),
  online: true,
  pathname: defaults.pathname,
  authorization: defaults.authorization,
  version: defaults.version,
  parse: parseAddress,
  querystring: parseQuery,
  querystringify: formatQuery
}));
var reservedEvents$primus = Primus.prototype.reserved.events = {};
for (var _i4$primus = 0, _RECOVERY_EVENTS$conc2$primus = RECOVERY_EVENTS.concat(CLIENT_EVENTS$primus.split(',')); _i4$primus < _RECOVERY_EVENTS$conc2$primus.length; _i4$primus++) {
  var event$primus = _RECOVERY_EVENTS$conc2$primus[_i4$primus];
  reservedEvents$primus[event$primus] = 1;
}
shims.Object_assign(Primus, {
  OPENING: OPENING,
  CLOSED: CLOSED,
  OPEN: OPEN,
  EventEmitter: Emitter,
  Stream: Emitter,
  connect: Primus
});
