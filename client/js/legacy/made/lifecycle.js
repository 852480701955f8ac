// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { shims } from './shims.js';
export var OPENING = 1;
export var CLOSED = 2;
export var OPEN = 3;
export var followEvents = function followEvents(primus, link) {
  followRecovery$lifecycle(primus);
  primus.on('outgoing::open', function () {
    primus.disconnect = false;
    changeState(primus, OPENING, 'opening');
    primus.emit('outgoing::end');
    link.open();
  });
  primus.on('incoming::open', function () {
    return opened$lifecycle(primus);
  });
  primus.on('incoming::ping', function (time) {
    return pinged$lifecycle(primus, time);
  });
  primus.on('incoming::error', function (error) {
    return failed$lifecycle(primus, asError$lifecycle(error));
  });
  primus.on('incoming::data', function (raw) {
    return received$lifecycle(primus, raw);
  });
  primus.on('incoming::end', function () {
    link.close();
    ended$lifecycle(primus);
  });
  primus.on('outgoing::data', function (packet) {
    return link.send(packet);
  });
  primus.on('outgoing::reconnect', function () {
    return primus.emit('outgoing::open');
  });
  primus.on('outgoing::end', function () {
    return link.close();
  });
};
export var changeState = function changeState(primus, state, name) {
  var before = primus.readyState;
  primus.readyState = state;
  if (before !== state) primus.emit('readyStateChange', name);
};
var followRecovery$lifecycle = function followRecovery(primus) {
  var _loop = function _loop() {
    var event = RECOVERY_EVENTS[_i2];
    primus.recovery.on(event, function () {
      if (event === 'reconnect') primus.emit('outgoing::reconnect');
      if (event === 'reconnect failed') primus.emit('end');
      for (var _len = arguments.length, args = new Array(_len), _key = 0; _key < _len; _key++) {
        args[_key] = arguments[_key];
      }
      primus.emit.apply(primus, [event].concat(args));
    });
  };
  for (var _i2 = 0; _i2 < RECOVERY_EVENTS.length; _i2++) {
    _loop();
  }
};
export var RECOVERY_EVENTS = ['reconnect scheduled', 'reconnect', 'reconnect timeout', 'reconnected', 'reconnect failed'];
var opened$lifecycle = function opened(primus) {
  var before = primus.readyState;
  if (primus.recovery.reconnecting()) primus.recovery.reconnected();
  if (primus.readyState !== before) return;
  primus.writable = primus.readable = true;
  if (!primus.online) {
    primus.online = true;
    primus.emit('online');
    if (primus.readyState !== before) return;
  }
  changeState(primus, OPEN, 'open');
  if (primus.readyState !== OPEN) return;
  primus.heartbeat();
  for (var _i4 = 0, _primus$buffer$splice2 = primus.buffer.splice(0); _i4 < _primus$buffer$splice2.length; _i4++) {
    var data = _primus$buffer$splice2[_i4];
    primus._write(data);
  }
  primus.emit('open');
};
var pinged$lifecycle = function pinged(primus, time) {
  primus.online = true;
  primus.heartbeat();
  primus.emit('outgoing::pong', time);
  primus._write("primus::pong::".concat(time));
};
var failed$lifecycle = function failed(primus, error) {
  var _primus$timers;
  var connecting = primus.timers.active('connect');
  if (primus.recovery.reconnecting()) return primus.recovery.reconnected(error);
  primus.emit('error', error);
  if (!connecting || primus.readyState !== OPENING) return;
  (_primus$timers = primus.timers) == null || _primus$timers.clear('connect');
  reconnectOrEnd(primus);
};
var asError$lifecycle = function asError(error) {
  if (error instanceof Error) return error;
  if (typeof error !== 'object' || !error) return new Error(error);
  return shims.Object_assign(new Error(error.message || error.reason), error);
};
var received$lifecycle = function received(primus, raw) {
  primus.decoder(raw, function (error, data) {
    if (error) primus.emit('error', error);else if (!primus.protocol(data)) {
      primus.transforms(primus, primus, 'incoming', data, raw);
    }
  });
};
var ended$lifecycle = function ended(primus) {
  var _primus$timers2, _primus$recovery, _primus$timers3, _primus$options;
  if (primus.disconnect) return primus.end();
  var before = primus.readyState;
  changeState(primus, CLOSED, 'end');
  if ((_primus$timers2 = primus.timers) != null && _primus$timers2.active('connect')) primus.end(undefined, true);
  if (before !== OPEN) return ((_primus$recovery = primus.recovery) == null ? void 0 : _primus$recovery.reconnecting()) && primus.recovery.reconnect();
  primus.writable = primus.readable = false;
  (_primus$timers3 = primus.timers) == null || _primus$timers3.clear();
  primus.emit('close');
  if ((_primus$options = primus.options) != null && shims.includes(_primus$options.strategy, 'disconnect')) return primus.recovery.reconnect();
  primus.emit('outgoing::end');
  primus.emit('end');
};
export var reconnectOrEnd = function reconnectOrEnd(primus) {
  var _primus$options2;
  if ((_primus$options2 = primus.options) != null && shims.includes(_primus$options2.strategy, 'timeout')) primus.recovery.reconnect();else primus.end(undefined, true);
};
