// The WebSocket for Node.js against npm ws, and against servers that break the protocol.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { FRAMES, FrameReader, writeFrame } from '../../src/node/frames.js';
import { NodeWebSocket } from '../../src/node/websocket.js';
import { atEnd } from './support/cleanup.js';
import { eventually, sleep } from './support/session.js';

const { WebSocketServer } = createRequire(import.meta.url)('ws');

const serve = async (t, accept, address = [0, '127.0.0.1']) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on('connection', accept);
  await once(http.listen(...address), 'listening');
  atEnd(t, () => {
    for (const client of server.clients) client.terminate();
    http.close();
  });
  return http.address().port;
};

// A server that says what a test wants it to say once it has accepted.
const serveBytes = async (t, bytes, headersOf = acceptHeaders) => {
  const received = [];
  const http = createServer((_, response) => response.writeHead(401).end('no'));
  http.on('upgrade', (request, socket) => {
    socket.on('error', () => {}).on('data', (piece) => received.push(piece));
    const lines = ['HTTP/1.1 101 Switching Protocols', ...headersOf(request.headers), '', ''];
    socket.write(lines.join('\r\n'));
    for (const piece of bytes) socket.write(piece);
    atEnd(t, () => socket.destroy());
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  atEnd(t, () => http.close());
  return { port: http.address().port, received };
};

const acceptHeaders = ({ 'sec-websocket-key': key }) => {
  const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(key + guid).digest('base64');
  return ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
};

const open = (t, url, options) => {
  const socket = new NodeWebSocket(url, [], options);
  const seen = { types: [], messages: [], close: undefined, error: undefined };
  socket.onopen = () => seen.types.push('open');
  socket.onmessage = ({ data }) => seen.messages.push(data);
  socket.onerror = ({ error }) => {
    seen.types.push('error');
    seen.error = error;
  };
  socket.onclose = (event) => {
    seen.types.push('close');
    seen.close = event;
  };
  atEnd(t, () => socket.close());
  return { socket, seen };
};

const closed = ({ seen }) => eventually(() => seen.close, 'close');

suite('WebSocket for Node.js', { concurrency: 4 }, () => {
  test('messages of every length are echoed', async (t) => {
    const port = await serve(t, (peer) => {
      peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary }));
    });
    const { socket, seen } = open(t, `ws://127.0.0.1:${port}/a?b=c`);
    assert.equal(socket.readyState, 0);
    await eventually(() => seen.types.includes('open'), 'open');
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000]) {
      const text = 'é'.repeat(length / 2).padEnd(length, '.');
      const bytes = Uint8Array.from({ length }, (_, index) => index);
      socket.send(text);
      socket.send(bytes);
      await eventually(() => seen.messages.length === 2, 'two messages');
      const [first, second] = seen.messages.splice(0);
      assert.ok(first === text);
      assert.ok(Buffer.from(second).equals(Buffer.from(bytes)));
    }
    socket.close(3001, 'bye');
    await closed({ seen });
    assert.deepEqual(seen.types, ['open', 'close']);
    const { code, reason, wasClean } = seen.close;
    assert.deepEqual([code, reason, wasClean, socket.readyState], [3001, 'bye', true, 3]);
  });

  test('fragments, pings and the reason of a close are understood', async (t) => {
    const pongs = [];
    const port = await serve(t, (peer) => {
      peer.on('pong', (data) => pongs.push(data.toString()));
      peer.send('frag', { fin: false });
      peer.ping('in between');
      peer.send('mented é', { fin: true });
      peer.close(4000, 'enough');
    });
    const { seen } = open(t, `ws://127.0.0.1:${port}`);
    await closed({ seen });
    assert.deepEqual(seen.messages, ['fragmented é']);
    assert.deepEqual([seen.close.code, seen.close.reason], [4000, 'enough']);
    await eventually(() => pongs.length === 1, 'a pong');
    assert.deepEqual(pongs, ['in between']);
  });

  test('headers, the path and the user go to the server', async (t) => {
    let request;
    const port = await serve(t, (_, incoming) => {
      request = incoming;
    });
    open(t, `ws://me:s%40cret@127.0.0.1:${port}/p/q?r=%20`, { headers: { 'x-of-mine': '1' } });
    await eventually(() => request, 'a request');
    assert.equal(request.url, '/p/q?r=%20');
    assert.equal(request.headers['x-of-mine'], '1');
    assert.equal(request.headers.authorization, `Basic ${btoa('me:s@cret')}`);
    assert.equal(request.headers['sec-websocket-extensions'], undefined);
  });

  test('sockets of the file system are reached', async (t) => {
    const path = join(tmpdir(), `allspark-${process.pid}.sock`);
    let url;
    await serve(t, (peer, request) => {
      url = request.url;
      peer.send('hello');
    }, [path]);
    for (const slashes of ['', '//', '///']) {
      const { seen } = open(t, `ws+unix:${slashes}${path}:/primus?a=b`);
      await eventually(() => seen.messages.length === 1, 'a message');
      assert.equal(url, '/primus?a=b');
    }
  });

  for (const [what, headersOf] of [
    ['a wrong key', () => ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: x']],
    ['an extension', (headers) => [...acceptHeaders(headers), 'Sec-WebSocket-Extensions: x']],
  ]) {
    test(`an answer with ${what} is refused`, async (t) => {
      const { port } = await serveBytes(t, [], headersOf);
      const { seen } = open(t, `ws://127.0.0.1:${port}`);
      await closed({ seen });
      assert.deepEqual(seen.types, ['error', 'close']);
      assert.equal(seen.close.code, 1006);
    });
  }

  test('a refusal, an absent server and a close while connecting end it', async (t) => {
    const http = createServer((_, response) => response.writeHead(401).end('no'));
    await once(http.listen(0, '127.0.0.1'), 'listening');
    const { port } = http.address();
    const refused = open(t, `ws://127.0.0.1:${port}`);
    await closed(refused);
    assert.match(refused.seen.error.message, /401/);
    const given = open(t, `ws://127.0.0.1:${port}`);
    given.socket.close();
    assert.equal(given.socket.readyState, 2);
    await closed(given);
    http.close();
    http.closeAllConnections();
    const absent = open(t, `ws://127.0.0.1:${port}`);
    await closed(absent);
    for (const { seen } of [refused, given, absent]) {
      assert.deepEqual(seen.types, ['error', 'close']);
    }
  });

  for (const [what, code, bytes, options] of [
    ['a masked frame', 1002, [0x81, 0x80, 1, 2, 3, 4]],
    ['a reserved bit', 1002, [0xc1, 0]],
    ['an unknown type', 1002, [0x83, 0]],
    ['an unknown control frame', 1002, [0x8b, 0]],
    ['a long ping', 1002, [0x89, 126, 0, 126]],
    ['a fragmented ping', 1002, [0x09, 0]],
    ['a fragment of nothing', 1002, [0x80, 0]],
    ['a text within a text', 1002, [0x01, 0, 0x81, 0]],
    ['text that is not UTF-8', 1007, [0x81, 1, 0xff]],
    ['a close frame of one byte', 1002, [0x88, 1, 3]],
    ['a forbidden close code', 1002, [0x88, 2, 3, 0xee]],
    ['a message that is too long', 1009, [0x81, 3], { maxPayload: 2 }],
    ['fragments that are too long', 1009, [0x01, 2, 97, 97, 0x80, 1], { maxPayload: 2 }],
    ['a length beyond all bounds', 1009, [0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]],
  ]) {
    test(`${what} fails the connection`, async (t) => {
      const { port, received } = await serveBytes(t, [Buffer.from(bytes)]);
      const { seen } = open(t, `ws://127.0.0.1:${port}`, options);
      await closed({ seen });
      assert.deepEqual(seen.types, ['open', 'error', 'close']);
      assert.deepEqual(seen.messages, []);
      await eventually(() => received.length > 0, 'a close frame');
      const frame = Buffer.concat(received);
      assert.equal(frame[0], 0x88);
      const high = frame[6] ^ frame[2];
      assert.equal((high << 8) | (frame[7] ^ frame[3]), code);
    });
  }

  test('a listener that throws does not end the connection', async (t) => {
    const { port } = await serveBytes(t, [Buffer.from([0x81, 1, 97]), Buffer.from([0x81, 1, 98])]);
    const { socket } = open(t, `ws://127.0.0.1:${port}`);
    const heard = [];
    const thrown = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => thrown.push(error.message));
    atEnd(t, () => {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    });
    socket.onmessage = ({ data }) => {
      heard.push(data);
      throw new Error(`of ${data}`);
    };
    await eventually(() => thrown.length === 2, 'two errors');
    assert.deepEqual(heard, ['a', 'b']);
    assert.deepEqual(thrown, ['of a', 'of b']);
    assert.equal(socket.readyState, 1);
  });

  test('a peer that does not close is left', async (t) => {
    const { port } = await serveBytes(t, []);
    const { socket, seen } = open(t, `ws://127.0.0.1:${port}`);
    await eventually(() => seen.types.length === 1, 'open');
    const since = Date.now();
    socket.close();
    await closed({ seen });
    assert.ok(Date.now() - since >= 4900);
    assert.equal(seen.close.code, 1006);
  });

  test('frames are read however they arrive', () => {
    const texts = ['', 'a', 'é'.repeat(100), 'x'.repeat(70_000)];
    const payloads = texts.map((text) => Buffer.from(text));
    const unmasked = (payload) => {
      const frame = writeFrame(FRAMES.text, payload, [0, 0, 0, 0]);
      const keyAt = { 126: 4, 127: 10 }[frame[1] & 127] ?? 2;
      frame[1] &= 127;
      return Buffer.concat([frame.subarray(0, keyAt), frame.subarray(keyAt + 4)]);
    };
    const bytes = Buffer.concat(payloads.map(unmasked));
    for (const size of [1, 2, 3, 7, 1000, bytes.length]) {
      const heard = [];
      const reader = new FrameReader(100_000, (_, payload) => heard.push(payload));
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
      assert.deepEqual(heard, texts);
    }
  });

  test('an end without a close frame is not clean', async (t) => {
    const port = await serve(t, (peer) => peer.terminate());
    const { seen } = open(t, `ws://127.0.0.1:${port}`);
    await closed({ seen });
    await sleep(10);
    assert.deepEqual([seen.close.code, seen.close.wasClean], [1006, false]);
  });
});
