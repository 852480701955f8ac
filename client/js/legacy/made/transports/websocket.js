// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { openSocket, socketError } from './socket.js';
export var websocket = function websocket(link) {
  var socket = openSocket(link, link.uri({
    protocol: 'ws:',
    query: true
  }));
  socket.onopen = function () {
    return link.opened();
  };
  socket.onmessage = function (event) {
    return link.received(event.data);
  };
  socket.onerror = function (event) {
    return link.failed(socketError(event));
  };
  socket.onclose = function () {
    return link.ended();
  };
  return {
    socket: socket,
    send: function send(packet) {
      if (socket.readyState === 1) socket.send(packet);
    },
    close: function close() {
      return socket.close();
    }
  };
};
