// Every way on which a transport can carry a session in Node.js, forced.

import { createRequire } from 'node:module';
import { NodeWebSocket } from '../../../src/node/websocket.js';
import { browserchannel } from '../../../src/transports/browserchannel.js';
import { engineIo } from '../../../src/transports/engine-io.js';
import { sockjs } from '../../../src/transports/sockjs.js';
import { websocket } from '../../../src/transports/websocket.js';

// Node.js has none; this is the one that sockjs-client takes.
globalThis.EventSource ??= createRequire(import.meta.url)('eventsource');

const carrier = (name, transformer, transport, options, hasBytes = true) => ({
  name,
  transformer,
  transport,
  options: { WebSocket: NodeWebSocket, ...options },
  hasBytes,
});

const forced = (...transports) => ({ transport: { transports } });

// By default a carrier has three seconds to open, which a busy machine may need.
const patient = (name) => ({ transport: { transports: [name], timeout: 20_000 } });

export const carriers = [
  carrier('websockets', 'websockets', websocket),
  carrier('engine.io', 'engine.io', engineIo),
  carrier('engine.io polling', 'engine.io', engineIo, forced('polling')),
  carrier('engine.io websocket', 'engine.io', engineIo, forced('websocket')),
  carrier('sockjs websocket', 'sockjs', sockjs, patient('websocket'), false),
  carrier('sockjs xhr-streaming', 'sockjs', sockjs, patient('xhr-streaming'), false),
  carrier('sockjs eventsource', 'sockjs', sockjs, patient('eventsource'), false),
  carrier('sockjs xhr-polling', 'sockjs', sockjs, patient('xhr-polling'), false),
  carrier('browserchannel', 'browserchannel', browserchannel, { transport: { failFast: true } }),
];
