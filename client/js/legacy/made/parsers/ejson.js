// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { shims } from '../shims.js';
export var ejson = {
  encode: function encode(value) {
    return JSON.stringify(_toJson$parsers_ejson(value, 0));
  },
  decode: function decode(packet) {
    if (typeof packet !== 'string') throw new TypeError('The packet is not text');
    return _fromJson$parsers_ejson(JSON.parse(packet), 0);
  }
};
var _toJson$parsers_ejson = function toJson(value, depth) {
  if (typeof value === 'number' && !shims.Number_isFinite(value)) {
    return {
      $InfNaN: shims.Math_sign(value) || 0
    };
  }
  if (typeof value !== 'object' || !value) return value;
  if (value instanceof Date) return {
    $date: value.getTime()
  };
  if (value instanceof RegExp) return {
    $regexp: value.source,
    $flags: shims.flags(value)
  };
  if (value instanceof Uint8Array) return {
    $binary: bytesAsBase64$parsers_ejson(value)
  };
  var inner = mapEjson$parsers_ejson(value, depth, _toJson$parsers_ejson);
  return formOf$parsers_ejson(value) ? {
    $escape: inner
  } : inner;
};
var _fromJson$parsers_ejson = function fromJson(value, depth) {
  if (typeof value !== 'object' || !value) return value;
  var form = formOf$parsers_ejson(value);
  return form ? FORMS$parsers_ejson[form](value, depth) : mapEjson$parsers_ejson(value, depth, _fromJson$parsers_ejson);
};
var mapEjson$parsers_ejson = function mapEjson(value, depth, convert) {
  if (depth === EJSON_DEPTH_MAX$parsers_ejson) throw new RangeError('The value is nested too deeply');
  if (Array.isArray(value)) return value.map(function (item) {
    return convert(item, depth + 1);
  });
  return shims.Object_fromEntries(shims.Object_entries(value).map(function (_ref) {
    var key = _ref[0],
      item = _ref[1];
    return [key, convert(item, depth + 1)];
  }));
};
var formOf$parsers_ejson = function formOf(value) {
  var keys = Object.keys(value);
  var form = keys.length <= 2 && keys.sort().join();
  return shims.Object_hasOwn(FORMS$parsers_ejson, form) && form;
};
var FORMS$parsers_ejson = {
  $date: function $date(_ref2) {
    var _$date = _ref2.$date;
    return new Date(_$date);
  },
  $InfNaN: function $InfNaN(_ref3) {
    var _$InfNaN = _ref3.$InfNaN;
    return _$InfNaN / 0;
  },
  $binary: function $binary(_ref4) {
    var _$binary = _ref4.$binary;
    return shims.Uint8Array_from(atob(_$binary), function (_char) {
      return _char.charCodeAt(0);
    });
  },
  $escape: function $escape(_ref5, depth) {
    var _$escape = _ref5.$escape;
    return mapEjson$parsers_ejson(_$escape, depth, _fromJson$parsers_ejson);
  },
  '$flags,$regexp': function $flags$regexp(_ref6) {
    var $regexp = _ref6.$regexp,
      $flags = _ref6.$flags;
    return new RegExp($regexp, [].concat(new shims.Set($flags.match(/[gimuy]/g))).join(''));
  },
  '$type,$value': function $type$value(_ref7) {
    var $type = _ref7.$type;
    throw new Error("Custom EJSON type ".concat($type, " is not defined"));
  }
};
var bytesAsBase64$parsers_ejson = function bytesAsBase64(bytes) {
  return btoa(shims.Array_from(bytes, function (_byte) {
    return String.fromCharCode(_byte);
  }).join(''));
};
var EJSON_DEPTH_MAX$parsers_ejson = 512;
