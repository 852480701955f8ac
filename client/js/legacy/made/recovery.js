// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from './helpers.js';
import { shims } from './shims.js';
import { Emitter } from './emitter.js';
import { Timers, milliseconds } from './timers.js';
export var Recovery = function (_Emitter) {
  function Recovery(options) {
    var _this;
    _this = _Emitter.call(this) || this;
    _this._fn = _this.attempt = null;
    _this.timers = new Timers();
    shims.Object_assign(_this, attemptOptions$recovery(options != null ? options : {}, RECOVERY_DEFAULTS$recovery));
    return _this;
  }
  babelHelpers.inherits(Recovery, _Emitter);
  var _proto = Recovery.prototype;
  _proto.reconnect = function reconnect() {
    var _this$attempt;
    return this.$backOff((_this$attempt = this.attempt) != null ? _this$attempt : {});
  };
  _proto.reconnecting = function reconnecting() {
    return !!this.attempt;
  };
  _proto.reconnected = function reconnected(error) {
    var _this$_fn;
    (_this$_fn = this._fn) == null || _this$_fn.call(this, error);
    return this;
  };
  _proto.reset = function reset() {
    this._fn = this.attempt = null;
    this.timers.clear('reconnect', 'timeout');
    return this;
  };
  _proto.destroy = function destroy() {
    this.reset();
    this.removeAllListeners();
  };
  _proto.$backOff = function $backOff(attempt) {
    var _attempt$start,
      _attempt$duration,
      _attempt$attempt,
      _this2 = this;
    if (attempt.backoff) return this;
    shims.Object_assign(attempt, attemptOptions$recovery(attempt, this));
    (_attempt$start = attempt.start) != null ? _attempt$start : attempt.start = Date.now();
    (_attempt$duration = attempt.duration) != null ? _attempt$duration : attempt.duration = 0;
    (_attempt$attempt = attempt.attempt) != null ? _attempt$attempt : attempt.attempt = 0;
    if (attempt.attempt === attempt.retries) {
      return this.$finish(attempt, new Error('Unable to recover'));
    }
    attempt.backoff = true;
    attempt.attempt += 1;
    attempt.scheduled = delayBefore$recovery(attempt);
    this.attempt = attempt;
    this._fn = null;
    this.timers.clear('timeout');
    this.timers.setTimeout('reconnect', function () {
      return _this2.$try(attempt);
    }, attempt.scheduled);
    this.emit('reconnect scheduled', attempt);
    return this;
  };
  _proto.$try = function $try(attempt) {
    var _this3 = this;
    attempt.duration = Date.now() - attempt.start;
    attempt.backoff = false;
    var _done = function done(error) {
      if (_this3._fn !== _done) return;
      if (error) _this3.$backOff(attempt);else _this3.$finish(attempt);
    };
    this._fn = _done;
    this.emit('reconnect', attempt, _done);
    if (this._fn !== _done) return;
    var expire = function expire() {
      var error = new Error('Failed to reconnect in a timely manner');
      attempt.duration = Date.now() - attempt.start;
      _this3.emit('reconnect timeout', error, attempt);
      _done(error);
    };
    this.timers.setTimeout('timeout', expire, attempt['reconnect timeout']);
  };
  _proto.$finish = function $finish(attempt, error) {
    this.reset();
    attempt.duration = Date.now() - attempt.start;
    if (error) this.emit('reconnect failed', error, attempt);else this.emit('reconnected', attempt);
    return this;
  };
  return babelHelpers.createClass(Recovery);
}(Emitter);
var RECOVERY_DEFAULTS$recovery = {
  'reconnect timeout': 30000,
  retries: 10,
  factor: 2,
  max: Infinity,
  min: 500
};
var attemptOptions$recovery = function attemptOptions(options, fallback) {
  var chosen = {};
  for (var name in RECOVERY_DEFAULTS$recovery) {
    chosen[name] = name in options ? milliseconds(options[name]) : fallback[name];
  }
  return chosen;
};
var delayBefore$recovery = function delayBefore(_ref) {
  var attempt = _ref.attempt,
    min = _ref.min,
    max = _ref.max,
    factor = _ref.factor;
  if (attempt === 1) return min;
  return Math.min(Math.round((Math.random() + 1) * min * Math.pow(factor, attempt - 1)), max);
};
