// How a connection begins: open, id, and what of the request matters.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { ask, connect, event, open, record, sparkId } = require('./clients');
const { startServer } = require('./server');

test('a client opens', async (t) => {
  const server = await startServer(t);
  const client = connect(server);
  const states = record(client, 'readyStateChange');
  await event(client, 'open');
  assert.deepEqual(states, ['opening', 'open']);
  assert.equal(client.readyState, client.constructor.OPEN);
});

test('what was written before the connection opened arrives, in order', async (t) => {
  const server = await startServer(t);
  const client = connect(server);
  const received = record(client, 'data');
  client.write('first');
  client.write('second');
  await event(client, 'open');
  await ask(client, 'third');
  while (received.length < 3) await event(client, 'data');
  assert.deepEqual(received, ['first', 'second', 'third']);
});

test('a spark has an id that stays, and that no other spark has', async (t) => {
  const server = await startServer(t, { shards: 2 });
  const clients = await Promise.all(Array.from({ length: 10 }, () => open(server)));
  const ids = await Promise.all(clients.map(sparkId));
  for (const id of ids) assert.match(id, /^\S+$/);
  assert.equal(new Set(ids).size, clients.length);
  assert.equal(await sparkId(clients[0]), ids[0]);
});

test('the query string and further headers do not matter', async (t) => {
  const server = await startServer(t);
  const transport = { headers: { cookie: `session=${'c'.repeat(4096)}`, 'x-odd': ' a: b, "c" ' } };
  const suffixes = ['/?token=a%20b&empty=&%C3%BC=1', '/ignored/path?x[]=1&x[]=2', '?a=b=c&&&d'];
  for (const suffix of suffixes) {
    const client = await open(server, { transport }, suffix);
    assert.equal(await ask(client, suffix), suffix);
  }
});

test('two servers do not disturb each other', async (t) => {
  const app = 'broadcast';
  const servers = [await startServer(t, { app }), await startServer(t, { app })];
  const clients = await Promise.all(servers.map((server) => open(server)));
  const received = clients.map((client) => record(client, 'data'));
  assert.equal(await ask(clients[0], 'to the first'), 'to the first');
  assert.equal(await ask(clients[1], 'to the second'), 'to the second');
  assert.deepEqual(received, [['to the first'], ['to the second']]);
});
