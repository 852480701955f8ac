// A WebSocket: that of the options, or that of the platform.

// One that takes three arguments is one for Node.js, which takes options too; browsers would not
// forgive them. Primus tells them apart in the same way.
export const openSocket = (link, uri) => {
  const { WebSocket: Socket = globalThis.WebSocket, transport } = link.options;
  const socket = Socket.length > 2 ? new Socket(uri, [], transport) : new Socket(uri);
  socket.binaryType = 'arraybuffer';
  return socket;
};

// The error of a WebSocket's `error` event, which in browsers says nothing.
export const socketError = (event) => event.error ?? new Error('The connection failed');
