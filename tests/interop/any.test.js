// One endpoint for all: with the transformer `any` the clients of every transformer meet.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const WebSocket = require('ws');

const { ask, collect, countsOnce, event, open, text } = require('./clients');
const { rawConnection, received, request } = require('./raw');
const { peer, startServer } = require('./server');
const { variants } = require('./variants');

const onlyAllSpark = peer === 'node' ? { skip: 'Primus on Node.js has no such transformer' } : {};

test('clients of every transformer hear each other, in order', onlyAllSpark, async (t) => {
  const count = 100;
  const server = await startAny(t, { app: 'broadcast', shards: 2 });
  const clients = await openAll(server);
  const total = clients.length * count;
  const all = clients.map((client) => collect(client, 'data', total, 20_000));
  for (let n = 0; n < count; n += 1) {
    clients.forEach((client, sender) => client.write({ sender, n }));
  }
  const inOrder = Array.from({ length: count }, (_, n) => n);
  for (const messages of await Promise.all(all)) {
    for (let sender = 0; sender < clients.length; sender += 1) {
      const numbers = messages.filter((message) => message.sender === sender).map(({ n }) => n);
      assert.deepEqual(numbers, inOrder);
    }
  }
});

test('each of them ends alone', onlyAllSpark, async (t) => {
  const server = await startAny(t, { app: 'scripted', shards: 2 });
  const observer = await open(server, { spokenBy: 'websockets' });
  const clients = await openAll(server);
  for (const [index, client] of clients.entries()) {
    await ask(client, { do: 'counts' });
    client.end();
    const { disconnection } = await countsOnce(observer, (counts) => counts.disconnection > index);
    assert.equal(disconnection, index + 1);
  }
});

test('bare clients are told apart by path and query', onlyAllSpark, async (t) => {
  const server = await startAny(t);
  const eio = await request(server, 'GET', '/primus/?EIO=4&transport=polling');
  assert.match(eio.body, /^0\{"sid":/);
  const info = await request(server, 'GET', '/primus/info');
  assert.equal(JSON.parse(info.body).websocket, true);
  const xhr = await request(server, 'POST', '/primus/000/x/xhr');
  assert.equal(xhr.body, 'o\n');
  const bind = await request(server, 'GET', '/primus/test?VER=8&MODE=init');
  assert.equal(bind.body, '[null,null]');
  const raw = await rawConnection(server);
  raw.write('GET /primus HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\n' +
    'Upgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n');
  await received(raw, /^HTTP\/1\.1 101 [^]*\r\nWebSocket-Location: ws:\/\/x\/primus\r\n/i);
  const socket = new WebSocket(server.webSocketUrl);
  server.afterStop(() => socket.terminate());
  await event(socket, 'open');
  socket.send('1');
  assert.equal(await text(socket), '1');
});

test('who asks for HTTP/2 besides gets what is there', onlyAllSpark, async (t) => {
  const server = await startAny(t);
  const headers = { connection: 'Upgrade', upgrade: 'h2c' };
  for (const path of ['/primus/primus.js', '/primus/spec', '/primus/info']) {
    assert.equal((await request(server, 'GET', path, { headers })).status, 200, path);
  }
});

function startAny(t, options) {
  const transport = { disconnect_delay: 3_000 };
  return startServer(t, { ...options, transformer: 'any', transport });
}

/** A client of every variant. */
function openAll(server) {
  return Promise.all(variants.map(([, variant]) => {
    const { transformer, spokenBy = transformer } = variant.server;
    return open(server, { ...variant.client, spokenBy });
  }));
}
