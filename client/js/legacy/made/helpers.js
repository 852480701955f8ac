// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

export var babelHelpers = {};
function _arrayLikeToArray$helpers(r, a) {
  (null == a || a > r.length) && (a = r.length);
  for (var e = 0, n = Array(a); e < a; e++) n[e] = r[e];
  return n;
}
babelHelpers.arrayLikeToArray = _arrayLikeToArray$helpers;
function _construct$helpers(t, e, r) {
  if (babelHelpers.isNativeReflectConstruct()) return Reflect.construct.apply(null, arguments);
  var o = [null];
  o.push.apply(o, e);
  var p = new (t.bind.apply(t, o))();
  return r && babelHelpers.setPrototypeOf(p, r.prototype), p;
}
babelHelpers.construct = _construct$helpers;
function _defineProperties$helpers(e, r) {
  for (var t = 0; t < r.length; t++) {
    var o = r[t];
    o.enumerable = o.enumerable || !1, o.configurable = !0, "value" in o && (o.writable = !0), Object.defineProperty(e, babelHelpers.toPropertyKey(o.key), o);
  }
}
function _createClass$helpers(e, r, t) {
  return r && _defineProperties$helpers(e.prototype, r), t && _defineProperties$helpers(e, t), Object.defineProperty(e, "prototype", {
    writable: !1
  }), e;
}
babelHelpers.createClass = _createClass$helpers;
function _extends$helpers() {
  return babelHelpers.extends = _extends$helpers = Object.assign ? Object.assign.bind() : function (n) {
    for (var e = 1; e < arguments.length; e++) {
      var t = arguments[e];
      for (var r in t) ({}).hasOwnProperty.call(t, r) && (n[r] = t[r]);
    }
    return n;
  }, _extends$helpers.apply(null, arguments);
}
babelHelpers.extends = _extends$helpers;
function _inherits$helpers(t, e) {
  if ("function" != typeof e && null !== e) throw new TypeError("Super expression must either be null or a function");
  t.prototype = Object.create(e && e.prototype, {
    constructor: {
      value: t,
      writable: !0,
      configurable: !0
    }
  }), Object.defineProperty(t, "prototype", {
    writable: !1
  }), e && babelHelpers.setPrototypeOf(t, e);
}
babelHelpers.inherits = _inherits$helpers;
function _isNativeReflectConstruct$helpers() {
  try {
    var t = !Boolean.prototype.valueOf.call(Reflect.construct(Boolean, [], function () {}));
  } catch (t) {}
  return (babelHelpers.isNativeReflectConstruct = _isNativeReflectConstruct$helpers = function () {
    return !!t;
  })();
}
babelHelpers.isNativeReflectConstruct = _isNativeReflectConstruct$helpers;
function _setPrototypeOf$helpers(t, e) {
  return babelHelpers.setPrototypeOf = _setPrototypeOf$helpers = Object.setPrototypeOf ? Object.setPrototypeOf.bind() : function (t, e) {
    return t.__proto__ = e, t;
  }, _setPrototypeOf$helpers(t, e);
}
babelHelpers.setPrototypeOf = _setPrototypeOf$helpers;
function toPrimitive$helpers(t, e) {
  if ("object" != typeof t || !t) return t;
  var r;
  if ("undefined" != typeof Symbol && void 0 !== (r = t[Symbol.toPrimitive])) {
    var i = r.call(t, e || "default");
    if ("object" != typeof i) return i;
    throw new TypeError("@@toPrimitive must return a primitive value.");
  }
  return ("string" === e ? String : Number)(t);
}
babelHelpers.toPrimitive = toPrimitive$helpers;
function toPropertyKey$helpers(t) {
  var i = babelHelpers.toPrimitive(t, "string");
  return "symbol" == typeof i ? i : i + "";
}
babelHelpers.toPropertyKey = toPropertyKey$helpers;
