// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from './helpers.js';
export var makeLink = function makeLink(primus, transport) {
  var current = null;
  var sideOf = function sideOf(attempt) {
    var tell = function tell(event) {
      return function (value) {
        if (current !== attempt) attempt.connection.close();else primus.emit(event, value);
      };
    };
    return {
      uri: function uri(options) {
        return primus.uri(options);
      },
      requires: primus.constructor.requires,
      options: babelHelpers["extends"](babelHelpers["extends"]({}, primus.options), {}, {
        transport: primus.transport,
        websockets: !primus.AVOID_WEBSOCKETS
      }),
      opened: tell('incoming::open'),
      received: tell('incoming::data'),
      failed: tell('incoming::error'),
      ended: tell('incoming::end')
    };
  };
  var giveUp = function giveUp(error) {
    try {
      primus.critical(error);
    } finally {
      primus.end();
    }
  };
  return {
    open: function open() {
      var _attempt$connection$s;
      var attempt = current = {};
      try {
        attempt.connection = transport(sideOf(attempt));
      } catch (error) {
        if (error.isCritical) giveUp(error);else if (current === attempt) primus.emit('incoming::error', error);
        return;
      }
      if (current !== attempt) attempt.connection.close();else primus.socket = (_attempt$connection$s = attempt.connection.socket) != null ? _attempt$connection$s : attempt.connection;
    },
    send: function send(packet) {
      try {
        var _current;
        (_current = current) == null || (_current = _current.connection) == null || _current.send(packet);
      } catch (error) {
        primus.emit('incoming::error', error);
      }
    },
    close: function close() {
      var _current2;
      var connection = (_current2 = current) == null ? void 0 : _current2.connection;
      current = null;
      connection == null || connection.close();
    }
  };
};
