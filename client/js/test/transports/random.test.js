// What must not be guessed does not come from Math.random: who can guess a mask can write what the
// next proxy reads as a request (RFC 6455, 10.3), who guesses the name of a session has it.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { mock, test } from 'node:test';

import { NodeWebSocket } from '../../src/node/websocket.js';
import { sockjs } from '../../src/transports/sockjs.js';
import { atEnd } from './support/cleanup.js';
import { eventually } from './support/session.js';

// A server that answers a handshake and resolves with it and the frames that follow.
const listen = async (t) => {
  const handshakes = [];
  const frames = [];
  const server = createServer((socket) => {
    let head = '';
    socket.on('error', () => {}).on('data', (piece) => {
      if (head.includes('\r\n\r\n')) return frames.push(piece);
      head += piece.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      const key = /sec-websocket-key: (.*)\r\n/i.exec(head)[1];
      const text = `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = crypto.createHash('sha1').update(text).digest('base64');
      handshakes.push(key);
      socket.write('HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n');
      socket.write(`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    });
    atEnd(t, () => socket.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  atEnd(t, () => server.close());
  return { port: server.address().port, handshakes, frames };
};

test('keys and masks are random bytes of the platform', async (t) => {
  const { port, handshakes, frames } = await listen(t);
  const given = [];
  const randomBytes = mock.method(crypto, 'randomBytes', (count) => {
    const bytes = Buffer.alloc(count, given.length + 1);
    given.push(count);
    return bytes;
  });
  mock.method(Math, 'random', () => assert.fail('Math.random was asked'));
  t.after(() => mock.restoreAll());
  const socket = new NodeWebSocket(`ws://127.0.0.1:${port}`, [], {});
  await new Promise((resolve) => (socket.onopen = resolve));
  socket.send('ab');
  socket.send('cd');
  socket.close();
  await eventually(() => Buffer.concat(frames).length >= 24, 'three frames');
  randomBytes.mock.restore();
  // One key, then one mask for each frame, as they are on the wire.
  assert.deepEqual(given, [16, 4, 4, 4]);
  assert.equal(handshakes[0], Buffer.alloc(16, 1).toString('base64'));
  const masks = [2, 10, 18].map((at) => Buffer.concat(frames).subarray(at, at + 4));
  assert.deepEqual(masks, [2, 3, 4].map((byte) => Buffer.alloc(4, byte)));
});

test('names of sockjs sessions are random bytes of the platform', () => {
  const names = [];
  let byte = 0;
  mock.method(globalThis.crypto, 'getRandomValues', (bytes) => bytes.fill(byte++));
  class FakeSocket {
    constructor(url) {
      names.push(/\/\d{3}\/(\w+)\/websocket/.exec(url)[1]);
    }
    close() {}
  }
  for (let count = 0; count < 3; count += 1) {
    const link = {
      uri: () => 'http://127.0.0.1:1/primus',
      options: { transport: { transports: ['websocket'] }, WebSocket: FakeSocket },
      ended() {},
    };
    sockjs(link).close();
  }
  mock.restoreAll();
  assert.deepEqual(names, ['aaaaaaaa', 'bbbbbbbb', 'cccccccc']);
});
