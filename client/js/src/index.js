// The entry of the npm package in Node.js: uses our WebSocket where the platform has none.

import { defaults } from './defaults.js';
import { NodeWebSocket } from './node/websocket.js';
import { Primus } from './primus.js';

if (!globalThis.WebSocket) defaults.WebSocket = NodeWebSocket;

export { Primus, Primus as default };
