// The transport of websockets, faye and uws: one WebSocket.
//
// A transport is a function of a link, which opens one connection:
// - `link.uri(options)` makes the URL as `primus.uri` does (`{ protocol, query }`);
// - `link.options` are the client's options (`transport`, `websockets`, ..);
// - `link.requires(name)` gives a module of Node.js, where there are such (`Primus.requires`);
// - `link.opened()`, `link.received(packet)`, `link.failed(error)` and `link.ended()` tell what
//   happened. `ended` is the last word; the link hears nothing of what comes after it, nor after
//   `close` was called.
//
// It returns the connection: `send(packet)` with text or bytes, `close()`, which says goodbye and
// may be called at any time, `id` where the transport has a name for the connection, and `socket`
// where applications may want the WebSocket itself, which is `primus.socket`.

import { openSocket, socketError } from './socket.js';

export const websocket = (link) => {
  const socket = openSocket(link, link.uri({ protocol: 'ws:', query: true }));
  socket.onopen = () => link.opened();
  socket.onmessage = (event) => link.received(event.data);
  socket.onerror = (event) => link.failed(socketError(event));
  socket.onclose = () => link.ended();
  return {
    socket,
    send(packet) {
      if (socket.readyState === 1) socket.send(packet);
    },
    close: () => socket.close(),
  };
};
