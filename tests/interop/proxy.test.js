// What proxies make of requests: HTTP/1.0, many header lines.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { rawConnection, received } = require('./raw');
const { differsFromNode, peer, startServer } = require('./server');

const UPGRADE = [
  'Host: a',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
];
const GRANTED = /^HTTP\/1\.1 101 [^]*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n\r\n/;
// The text `"a"`, masked with zeros, and as it comes back.
const FRAME = Buffer.from('818300000000226122', 'hex');
const ECHO = /\x81\x03"a"$/;

/** Where a bare WebSocket is opened that carries Primus's messages as they are. */
const PATHS = {
  'websockets': '/primus',
  'faye': '/primus',
  'uws': '/primus',
  'sockjs': '/primus/websocket',
};

for (const [transformer, path] of Object.entries(PATHS)) {
  const onlyAllSpark = transformer === 'uws' && peer === 'node';
  const skip = onlyAllSpark && 'its server does not load on a current Node.js';
  test(`${transformer}: a WebSocket is opened over HTTP/1.0`, { skip }, async (t) => {
    const server = await startServer(t, { transformer });
    const raw = await upgrade(server, path, 'HTTP/1.0');
    assert.doesNotMatch(raw.bytes, /\r\nConnection: (close|keep-alive)\r\n/i);
    raw.write(FRAME);
    await received(raw, ECHO);
  });
}

test('engine.io: a WebSocket is opened over HTTP/1.0', async (t) => {
  const server = await startServer(t, { transformer: 'engine.io' });
  const raw = await upgrade(server, '/primus/?EIO=4&transport=websocket', 'HTTP/1.0');
  // The text `41`, masked with zeros: the message `1`.
  raw.write(Buffer.from('8182000000003431', 'hex'));
  await received(raw, /\x81\x0241$/);
});

test('an upgrade over HTTP/1.0 that is refused is the last request', async (t) => {
  const raw = await rawConnection(await startServer(t));
  const lines = UPGRADE.map((line) => line.replace('Version: 13', 'Version: 12'));
  const head = ['GET /primus HTTP/1.0', ...lines, '', ''].join('\r\n');
  raw.write(head + head);
  await new Promise((resolve) => raw.once('close', resolve));
  assert.match(raw.bytes, /^HTTP\/1\.1 400 [^]*\r\nConnection: close\r\n/i);
  assert.equal(raw.bytes.match(/HTTP\/1\.1/g).length, 1);
});

test('a head may have as many lines as its bytes allow', async (t) => {
  const server = await startServer(t);
  const lines = (count) => Array.from({ length: count }, (_, n) => `x-${n}: ${n}`);
  for (const count of [60, 65, 200, 1_000]) {
    await upgrade(server, '/primus', 'HTTP/1.1', lines(count));
  }
  const raw = await rawConnection(server);
  raw.write(['GET /primus HTTP/1.1', ...UPGRADE, ...lines(2_000), '', ''].join('\r\n'));
  await received(raw, /^HTTP\/1\.1 431 /);
});

test(
  'a target with a fragment is refused',
  differsFromNode('it takes what is before the # for the path'),
  async (t) => {
    const raw = await rawConnection(await startServer(t));
    raw.write('GET /primus/spec#x HTTP/1.1\r\nHost: a\r\n\r\n');
    await received(raw, /^HTTP\/1\.1 400 /);
  },
);

test(
  'two Origins are those of no browser',
  differsFromNode('it allows the two, joined, to all'),
  async (t) => {
    const raw = await rawConnection(await startServer(t));
    const origins = 'Origin: http://a\r\nOrigin: http://a\r\n';
    raw.write(`GET /primus/spec HTTP/1.1\r\nHost: a\r\n${origins}\r\n`);
    await received(raw, /^HTTP\/1\.1 403 /);
  },
);

const onlyAllSpark = peer === 'node' ? { skip: 'Node.js says nothing' } : {};

test('an operator is told once which setting of the proxy is missing', onlyAllSpark, async (t) => {
  const server = await startServer(t);
  for (let n = 0; n < 3; n += 1) await upgrade(server, '/primus', 'HTTP/1.0');
  await server.said(/WARN .*proxy_http_version 1\.1/);
  await server.kill('SIGTERM');
  assert.equal(server.timesSaid(/proxy_http_version/g), 1);
});

/** A connection whose upgrade was granted. */
async function upgrade(server, path, version, lines = []) {
  const raw = await rawConnection(server);
  raw.write([`GET ${path} ${version}`, ...UPGRADE, ...lines, '', ''].join('\r\n'));
  await received(raw, GRANTED);
  return raw;
}
