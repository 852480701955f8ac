// Bun's WebSocket server, which is uWebSockets inside: its own publish, its own topics, which are
// the rooms as well. The first path segment is not looked at, so the load generator can connect as
// it does to Primus.

import { parseArguments } from './arguments.js';
import { hear } from './rooms.js';

const FILES = { cert: { type: 'string', default: '' }, key: { type: 'string', default: '' } };
const { port, mode, options } = parseArguments('bun.js', FILES, ['echo', 'broadcast', 'rooms']);
const { cert, key } = options;
const TOPIC = 'everyone';

const server = Bun.serve({
  port,
  hostname: '0.0.0.0',
  ...(cert && { tls: { cert: Bun.file(cert), key: Bun.file(key) } }),
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response('Upgrade Required', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    sendPings: false,
    idleTimeout: 0,
    // Bun drops what exceeds this for a slow client; the auditor would report it.
    backpressureLimit: 16 * 1024 * 1024,
    open(socket) {
      if (mode === 'broadcast') socket.subscribe(TOPIC);
    },
    message(socket, message) {
      if (mode === 'rooms') return hearOfRooms(socket, message);
      if (mode === 'echo') socket.send(message);
      else server.publish(TOPIC, message);
    },
  },
});

function hearOfRooms(socket, message) {
  const join = (rooms) => rooms.forEach((room) => socket.subscribe(room));
  const answers = hear(message, join, (room) => server.publish(room, message));
  for (const answer of answers) socket.send(answer);
}

console.log(`version Bun ${Bun.version}`);
console.log(`listening ${server.port}`);

process.once('SIGTERM', () => process.exit(0));
