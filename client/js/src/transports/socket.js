// A WebSocket: that of the options, or that of the platform, or in Node.js that of the package ws.

export const socketClass = ({ options, requires }) => {
  try {
    return options.WebSocket || globalThis.WebSocket || requires('ws');
  } catch {
    // The package is not installed.
  }
};

// One that takes three arguments is one for Node.js, which takes options too; browsers would not
// forgive them. Primus tells them apart in the same way. Where there is none, no attempt to connect
// can succeed (`isCritical`).
export const openSocket = (link, uri) => {
  const Socket = socketClass(link);
  if (!Socket) {
    throw Object.assign(new Error('There is no WebSocket: `npm install ws`'), { isCritical: true });
  }
  const socket = Socket.length > 2 ? new Socket(uri, [], link.options.transport) : new Socket(uri);
  socket.binaryType = 'arraybuffer';
  return socket;
};

// The error of a WebSocket's `error` event, which in browsers says nothing.
export const socketError = (event) => event.error ?? new Error('The connection failed');
