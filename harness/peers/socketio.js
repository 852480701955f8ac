// Socket.IO's rooms, on its own adapter and engine.io. Its packets are put as plain messages by a
// parser of ours, which the package allows: so the clients are those that every server of the
// comparison has, and it is spared the work of its own parser. The first message of a client stands
// for its packet CONNECT as well.

import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { parseArguments } from './arguments.js';
import { hear } from './rooms.js';

const { port } = parseArguments('socketio.js', {}, ['rooms']);

/** The numbers of the packets of Socket.IO that there are here. */
const CONNECT = 0;
const EVENT = 2;

/** Events are their text; of the others there is none. */
class Encoder {
  encode(packet) {
    return packet.type === EVENT ? [packet.data[1]] : [];
  }
}

/** Keeps what a client says until its socket is there. */
class Decoder extends EventEmitter {
  #waiting = [];

  add(text) {
    if (!this.#waiting) return this.#say(text);
    this.#waiting.push(text);
    if (this.#waiting.length === 1) this.emit('decoded', { type: CONNECT, nsp: '/' });
  }

  release() {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const text of waiting) this.#say(text);
  }

  destroy() {
    this.#waiting = undefined;
  }

  #say(text) {
    this.emit('decoded', { type: EVENT, nsp: '/', data: ['message', text] });
  }
}

const server = createServer();
const io = new Server(server, {
  path: '/primus',
  parser: { Encoder, Decoder },
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
  pingInterval: 3_600_000,
});

io.on('connection', (socket) => {
  const join = (rooms) => socket.join(rooms);
  socket.on('message', (text) => {
    const publish = (room) => io.to(room).emit('message', text);
    for (const answer of hear(text, join, publish)) socket.emit('message', answer);
  });
  socket.client.decoder.release();
});

server.listen({ port, host: '0.0.0.0', backlog: 65535 }, () => {
  console.log(`version Socket.IO ${version('socket.io')}, Node.js ${process.version}`);
  console.log(`listening ${server.address().port}`);
});

/** Packages need not let others import their package.json, so it is read as a file. */
function version(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

process.once('SIGTERM', () => process.exit(0));
