// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from './helpers.js';
import { shims } from './shims.js';
export var Timers = function () {
  function Timers() {
    this.$ids = new shims.Map();
  }
  var _proto = Timers.prototype;
  _proto.setTimeout = function (name, fn, time) {
    var _this = this;
    var fire = function fire() {
      _this.clear(name);
      fn();
    };
    this.clear(name);
    this.$ids.set(name, setTimeout(fire, Math.min(milliseconds(time), TIMEOUT_MS_MAX$timers)));
  };
  _proto.active = function active(name) {
    return this.$ids.has(name);
  };
  _proto.clear = function clear() {
    for (var _len = arguments.length, names = new Array(_len), _key = 0; _key < _len; _key++) {
      names[_key] = arguments[_key];
    }
    for (var _i2 = 0, _ref2 = names.length ? names : this.$ids.keys(); _i2 < _ref2.length; _i2++) {
      var name = _ref2[_i2];
      clearTimeout(this.$ids.get(name));
      this.$ids["delete"](name);
    }
  };
  _proto.destroy = function destroy() {
    this.clear();
  };
  return babelHelpers.createClass(Timers);
}();
var TIMEOUT_MS_MAX$timers = Math.pow(2, 31) - 1;
export var milliseconds = function milliseconds(time) {
  var _exec;
  if (+time === +time) return +time;
  var _ref3 = (_exec = /^([\d.]+) *(mil|ms|[smhdwy])/i.exec(time)) != null ? _exec : [],
    amount = _ref3[1],
    unit = _ref3[2];
  return amount * UNITS_MS$timers[unit == null ? void 0 : unit.toLowerCase()] || 0;
};
var UNITS_MS$timers = {
  mil: 1,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 36e5,
  d: 864e5,
  w: 6048e5,
  y: 31536e6
};
