// The entry of the npm package in Node.js: uses our WebSocket where the platform has none.

import { defaults } from './defaults.js';
import { NodeWebSocket } from './node/websocket.js';
import { Primus } from './primus.js';

if (!globalThis.WebSocket) defaults.WebSocket = NodeWebSocket;

// A class whose clients match a server (npm's `Primus.createSocket`): `transformer`, `parser`,
// `pathname`, `pingInterval` and `authorization` are as the server has them, `plugin` holds plugins
// by name, of which the client halves are used.
Primus.createSocket = function ({ plugin = {}, pingInterval, ...options } = {}) {
  if (pingInterval !== undefined) {
    options.pingTimeout = pingInterval && pingInterval + Math.round(pingInterval / 2);
  }
  class Socket extends this {
    constructor(url, given) {
      if (url?.url || url?.uri) super({ ...options, ...url });
      else super(url, { ...options, ...given });
    }
  }
  const clients = Object.entries(plugin).filter(([, { client }]) => client);
  const added = Object.fromEntries(clients.map(([name, { client }]) => [name, client]));
  Socket.prototype.ark = { ...this.prototype.ark, ...added };
  return Socket;
};

export { Primus, Primus as default };
