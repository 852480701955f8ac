// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { shims } from '../shims.js';
export var socketClass = function socketClass(_ref) {
  var options = _ref.options,
    requires = _ref.requires;
  try {
    return options.WebSocket || shims.globalThis.WebSocket || requires('ws');
  } catch (_unused) {}
};
export var openSocket = function openSocket(link, uri) {
  var Socket = socketClass(link);
  if (!Socket) {
    throw shims.Object_assign(new Error('There is no WebSocket: `npm install ws`'), {
      isCritical: true
    });
  }
  var socket = Socket.length > 2 ? new Socket(uri, [], link.options.transport) : new Socket(uri);
  socket.binaryType = 'arraybuffer';
  return socket;
};
export var socketError = function socketError(event) {
  var _event$error;
  return (_event$error = event.error) != null ? _event$error : new Error('The connection failed');
};
