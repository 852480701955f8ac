// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from './helpers.js';
export var completeOptions = function completeOptions(options, defaults, authorization) {
  var _options$strategy;
  var complete = babelHelpers["extends"]({
    queueSize: Infinity,
    timeout: 10000,
    reconnect: {},
    pingTimeout: defaults.pingTimeout,
    transport: {},
    WebSocket: defaults.WebSocket
  }, options);
  complete.strategy = strategyText$options((_options$strategy = options.strategy) != null ? _options$strategy : [], authorization);
  return complete;
};
export var chooseAmong = function chooseAmong(what, choices, name) {
  var choice = typeof name === 'string' ? choices[name.toLowerCase()] : name;
  if (choice) return choice;
  throw new Error("Unknown ".concat(what, " `").concat(name, "`, use one of: ").concat(Object.keys(choices).join(', ')));
};
export var parserFunctions = function parserFunctions(_ref) {
  var encode = _ref.encode,
    decode = _ref.decode,
    encoder = _ref.encoder,
    decoder = _ref.decoder;
  return {
    encoder: encoder != null ? encoder : withCallback$options(encode),
    decoder: decoder != null ? decoder : withCallback$options(decode)
  };
};
var withCallback$options = function withCallback(convert) {
  return function (value, done) {
    var result;
    var failure;
    try {
      result = convert(value);
    } catch (error) {
      failure = error;
    }
    done(failure, result);
  };
};
var strategyText$options = function strategyText(strategy, authorization) {
  var isGiven = typeof strategy !== 'object' || strategy.length;
  var usual = authorization ? 'disconnect,online' : 'disconnect,online,timeout';
  var chosen = isGiven ? strategy || '' : usual;
  return "".concat(chosen).replace(/\s?,\s?/g, ',').toLowerCase();
};
