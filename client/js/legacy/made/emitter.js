// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from './helpers.js';
import { shims } from './shims.js';
function _callSpread$emitter(a, e, l) {
  return a.apply(e, l);
}
export function Emitter() {}
var EmitterMethods$emitter = function () {
  function EmitterMethods() {}
  var _proto = EmitterMethods.prototype;
  _proto.on = function on(event, fn, context) {
    return addHandler$emitter(this, event, fn, context);
  };
  _proto.once = function once(event, fn, context) {
    return addHandler$emitter(this, event, fn, context, true);
  };
  _proto.removeListener = function removeListener(event, fn, context, once) {
    var stays = function stays(handler) {
      return fn && (handler.fn !== fn || once && !handler.once || context && handler.context !== context);
    };
    setHandlers$emitter(this, event, handlersOf$emitter(this, event).filter(stays));
    return this;
  };
  _proto.removeAllListeners = function removeAllListeners(event) {
    if (event) setHandlers$emitter(this, event, []);else registries$emitter["delete"](this);
    return this;
  };
  _proto.listeners = function listeners(event) {
    return handlersOf$emitter(this, event).map(function (handler) {
      return handler.fn;
    });
  };
  _proto.listenerCount = function listenerCount(event) {
    return handlersOf$emitter(this, event).length;
  };
  _proto.eventNames = function eventNames() {
    var _registries$get$keys, _registries$get;
    return [].concat((_registries$get$keys = (_registries$get = registries$emitter.get(this)) == null ? void 0 : _registries$get.keys()) != null ? _registries$get$keys : []);
  };
  _proto.emit = function emit(event) {
    var _this = this;
    var handlers = handlersOf$emitter(this, event);
    for (var _len = arguments.length, args = new Array(_len > 1 ? _len - 1 : 0), _key = 1; _key < _len; _key++) {
      args[_key - 1] = arguments[_key];
    }
    var _loop = function _loop() {
      var handler = handlers[_i2];
      if (handler.once) {
        if (handler.spent) return 1;
        handler.spent = true;
        setHandlers$emitter(_this, event, handlersOf$emitter(_this, event).filter(function (other) {
          return other !== handler;
        }));
      }
      handler.fn.apply(handler.context, args);
    };
    for (var _i2 = 0; _i2 < handlers.length; _i2++) {
      if (_loop()) continue;
    }
    return handlers.length > 0;
  };
  _proto.emits = function emits() {
    var _this2 = this;
    for (var _len2 = arguments.length, args = new Array(_len2), _key2 = 0; _key2 < _len2; _key2++) {
      args[_key2] = arguments[_key2];
    }
    var ask = typeof shims.at(args, -1) === 'function' ? args.pop() : function (next) {
      return next();
    };
    return function () {
      for (var _len3 = arguments.length, values = new Array(_len3), _key3 = 0; _key3 < _len3; _key3++) {
        values[_key3] = arguments[_key3];
      }
      var emitted = true;
      var next = function next(error, replacement) {
        var rest = replacement === undefined ? values : replacement != null ? replacement : [];
        emitted = error ? _this2.emit('error', error) : _callSpread$emitter(_this2.emit, _this2, args.concat(rest));
      };
      ask.call.apply(ask, [_this2, next].concat(values));
      return emitted;
    };
  };
  _proto.pipe = function pipe(target, _temp) {
    var _this3 = this;
    var _ref = _temp === void 0 ? {} : _temp,
      _ref$end = _ref.end,
      end = _ref$end === void 0 ? !target._isStdio : _ref$end;
    var write = function write(data) {
      return target.write(data);
    };
    var finish = function finish() {
      return end && target.end();
    };
    var unpipe = function unpipe() {
      return _this3.off('data', write).off('end', finish);
    };
    this.on('data', write).on('end', finish);
    target.once('close', unpipe);
    target.emit('pipe', this);
    return target;
  };
  return babelHelpers.createClass(EmitterMethods);
}();
var methods$emitter = EmitterMethods$emitter.prototype;
Emitter.prototype = shims.Object_assign(methods$emitter, {
  constructor: Emitter,
  off: methods$emitter.removeListener,
  addListener: methods$emitter.on
});
var registries$emitter = new shims.WeakMap();
var handlersOf$emitter = function handlersOf(emitter, event) {
  var _registries$get$get, _registries$get2;
  return (_registries$get$get = (_registries$get2 = registries$emitter.get(emitter)) == null ? void 0 : _registries$get2.get(event)) != null ? _registries$get$get : [];
};
var setHandlers$emitter = function setHandlers(emitter, event, handlers) {
  if (!registries$emitter.has(emitter)) registries$emitter.set(emitter, new shims.Map());
  if (handlers.length) registries$emitter.get(emitter).set(event, handlers);else registries$emitter.get(emitter)["delete"](event);
};
var addHandler$emitter = function addHandler(emitter, event, fn, context, once) {
  if (typeof fn !== 'function') throw new TypeError('The listener must be a function');
  context != null ? context : context = emitter;
  setHandlers$emitter(emitter, event, [].concat(handlersOf$emitter(emitter, event), [{
    fn: fn,
    context: context,
    once: once
  }]));
  return emitter;
};
