// Clients that know WebSocket (RFC 6455) and HTTP, but nothing of Primus.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { event, openPlain, text } = require('./clients');
const { rawConnection, received, request } = require('./raw');
const { differsFromNode, startServer } = require('./server');

test('text goes both ways', async (t) => {
  const socket = await openPlain(await startServer(t));
  socket.send('"hello"');
  assert.equal(await text(socket), '"hello"');
});

test('any path below the pathname is served', async (t) => {
  const socket = await openPlain(await startServer(t), '/and/more?a=1');
  socket.send('1');
  assert.equal(await text(socket), '1');
});

test('a message in fragments is one message, and a ping in between is answered', async (t) => {
  const socket = await openPlain(await startServer(t));
  const pong = event(socket, 'pong');
  // The cut goes through the four bytes of the emoji.
  const bytes = Buffer.from('"a👋b"');
  socket.send(bytes.subarray(0, 4), { fin: false, binary: false });
  socket.ping('between');
  socket.send(bytes.subarray(4, 5), { fin: false });
  socket.send(bytes.subarray(5), { fin: true });
  assert.equal(await text(socket), '"a👋b"');
  assert.equal((await pong).toString(), 'between');
});

test('a ping is answered with its own bytes', async (t) => {
  const socket = await openPlain(await startServer(t));
  for (const payload of [Buffer.alloc(0), Buffer.from([0, 255, 1]), Buffer.alloc(125, 'p')]) {
    const pong = event(socket, 'pong');
    socket.ping(payload);
    assert.deepEqual(await pong, payload);
  }
});

test('a closing frame is answered with its own code', async (t) => {
  const server = await startServer(t);
  for (const [code, echoed] of [[1000, 1000], [1001, 1001], [4001, 4001], [undefined, 1005]]) {
    const socket = await openPlain(server);
    const closed = event(socket, 'close');
    socket.close(code);
    assert.equal(await closed, echoed);
  }
});

const VIOLATIONS = {
  'text that is not UTF-8': [1007, maskedFrame(0x81, '"\xc3\x28"')],
  'an overlong form in UTF-8': [1007, maskedFrame(0x81, '"\xc0\xaf"')],
  'a surrogate in UTF-8': [1007, maskedFrame(0x81, '"\xed\xa0\x80"')],
  'a frame without a mask': [1002, Buffer.from('\x81\x03"x"', 'latin1')],
  'a reserved bit': [1002, maskedFrame(0xc1, '"x"')],
  'an unknown opcode': [1002, maskedFrame(0x83, '"x"')],
  'a continuation of nothing': [1002, maskedFrame(0x80, '"x"')],
  'a fragmented ping': [1002, maskedFrame(0x09, 'x')],
  'a ping of 126 bytes': [1002, Buffer.from('89fe007e00000000', 'hex')],
  'a closing frame of 1 byte': [1002, maskedFrame(0x88, 'x')],
  'a reserved close code': [1002, maskedFrame(0x88, '\x03\xed')],
};

for (const [name, [code, bytes]] of Object.entries(VIOLATIONS)) {
  test(`${name} ends the connection with code ${code}`, async (t) => {
    const server = await startServer(t);
    const socket = await openPlain(server);
    const bystander = await openPlain(server);
    const closed = event(socket, 'close');
    // Past `ws`, which would refuse to send most of this.
    socket._socket.write(bytes);
    assert.equal(await closed, code);
    bystander.send('1');
    assert.equal(await text(bystander), '1');
  });
}

test('a handshake and a frame that arrive byte by byte are understood', async (t) => {
  const raw = await rawConnection(await startServer(t));
  for (const byte of handshake()) await writeAlone(raw, Buffer.of(byte));
  await received(raw, /^HTTP\/1\.1 101 [\s\S]*\r\n\r\n$/);
  for (const byte of maskedFrame(0x81, '"split"')) await writeAlone(raw, Buffer.of(byte));
  await received(raw, /\x81\x07"split"$/);
});

test('frames that arrive together with the handshake are not lost', async (t) => {
  const raw = await rawConnection(await startServer(t));
  raw.write(Buffer.concat([handshake(), maskedFrame(0x81, '1'), maskedFrame(0x81, '2')]));
  await received(raw, /\r\n\r\n\x81\x011\x81\x012$/);
});

test('the words of a handshake may be written in any way that HTTP allows', async (t) => {
  const server = await startServer(t);
  for (const headers of [
    { Upgrade: 'WebSocket', Connection: 'keep-alive, Upgrade' },
    { UPGRADE: 'websocket', CONNECTION: 'UPGRADE' },
  ]) {
    const raw = await rawConnection(server);
    raw.write(handshake(headers));
    // The key and its answer are those of RFC 6455, 1.3.
    await received(raw, /^HTTP\/1\.1 101 [\s\S]*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  }
});

test('a wrong handshake is refused and harms nobody', async (t) => {
  const server = await startServer(t);
  for (const headers of [
    { 'Sec-WebSocket-Key': 'too short' },
    { 'Sec-WebSocket-Key': undefined },
    { 'Sec-WebSocket-Version': '12' },
  ]) {
    const raw = await rawConnection(server);
    raw.write(handshake(headers));
    await received(raw, /^HTTP\/1\.1 4\d\d /);
  }
  const socket = await openPlain(server);
  socket.send('1');
  assert.equal(await text(socket), '1');
});

test('a plain request below the pathname is told to upgrade', async (t) => {
  const server = await startServer(t);
  for (const path of ['/primus', '/primus/', '/primus?x=1', '/primus/below']) {
    const answer = await request(server, 'GET', path);
    assert.equal(answer.status, 426);
    assert.match(answer.headers['content-type'], /^text\/plain/);
    assert.equal(answer.body, 'Upgrade Required');
  }
});

test('GET <pathname>/spec says how the server is to be spoken to', async (t) => {
  const spec = { pathname: '/primus', version: '8.0.9', parser: 'json', transformer: 'websockets' };
  for (const [pingIntervalMs, pingInterval] of [[12_345, 12_345], ['off', false]]) {
    const server = await startServer(t, { pingIntervalMs });
    const answer = await request(server, 'GET', '/primus/spec?_=1');
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^application\/json/);
    assert.deepEqual(JSON.parse(answer.body), { ...spec, pingInterval });
  }
});

test('one connection serves several requests, and then an upgrade', async (t) => {
  const raw = await rawConnection(await startServer(t));
  const head = 'GET /primus/spec HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
  raw.write(head + head);
  await received(raw, /(HTTP\/1\.1 200 [\s\S]*"version":"8\.0\.9"[\s\S]*){2}/);
  raw.write(handshake());
  await received(raw, /HTTP\/1\.1 101 [\s\S]*\r\n\r\n$/);
});

test(
  'a client that never answers the goodbye does not keep the server from leaving',
  differsFromNode('it waits 30 s for the answer'),
  async (t) => {
    const server = await startServer(t);
    const raw = await rawConnection(server);
    raw.write(handshake());
    await received(raw, /\r\n\r\n$/);
    assert.deepEqual(await server.kill('SIGTERM'), { code: 0, signal: null });
  },
);

test(
  'a length in more bytes than it needs is refused',
  differsFromNode('it accepts them, which RFC 6455, 5.2 forbids'),
  async (t) => {
    const server = await startServer(t);
    // The text `1`, masked with zeros.
    for (const length of ['fe0001', 'ff0000000000000001']) {
      const raw = await rawConnection(server);
      raw.write(handshake());
      await received(raw, /\r\n\r\n$/);
      raw.bytes = '';
      raw.write(Buffer.from(`81${length}0000000031`, 'hex'));
      // Close code 1002.
      await received(raw, /^\x88\x02\x03\xea$/);
    }
  },
);

/** Hands the bytes to the kernel, and lets the event loop turn, before anything else is written. */
async function writeAlone(raw, bytes) {
  await new Promise((resolve) => raw.write(bytes, resolve));
  await new Promise(setImmediate);
}

function handshake(changed = {}) {
  const headers = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
  };
  for (const [name, value] of Object.entries(changed)) {
    const known = Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase());
    delete headers[known];
    if (value !== undefined) headers[name] = value;
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET /primus HTTP/1.1\r\n${lines.join('')}\r\n`);
}

/** A frame of a client: first byte, length below 126, a mask, the masked payload. */
function maskedFrame(firstByte, payload) {
  const mask = [1, 2, 3, 4];
  const bytes = Buffer.from(payload, 'latin1').map((byte, index) => byte ^ mask[index % 4]);
  return Buffer.concat([Buffer.from([firstByte, 0x80 | bytes.length, ...mask]), bytes]);
}
