// `connection` listeners that take their time: who waits for whom, and what is early.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { ask, collect, connect, event, open, record, sparkId } = require('./clients');
const { startServer } = require('./server');

const OPENINGS = { app: 'scripted', openings: true };

test('listeners wait for those before them, and early data for all of them', async (t) => {
  const server = await startServer(t, OPENINGS);
  const client = connect(server);
  const answers = collect(client, 'data', 4);
  await event(client, 'open');
  for (const value of ['early', 'early, too']) client.write({ do: 'write', value });
  assert.deepEqual(await answers, ['first', 'third', 'early', 'early, too']);
  const events = await ask(client, { do: 'events', of: await sparkId(client) });
  const opening = ['connection', 'first', 'first done', 'second', 'third'];
  assert.deepEqual(events, [...opening, 'data', 'data', 'data']);
});

test('sparks wait for their own listeners alone', async (t) => {
  const server = await startServer(t, OPENINGS);
  const clients = Array.from({ length: 5 }, () => connect(server));
  const heard = await Promise.all(clients.map((client) => collect(client, 'data', 2)));
  assert.deepEqual(heard, clients.map(() => ['first', 'third']));
});

for (const [fail, before] of [
  ['first', ['connection', 'first', 'first done']],
  ['second', ['connection', 'first', 'first done', 'second']],
]) {
  test(`when the ${fail} fails its spark ends, and no later one is called`, async (t) => {
    const server = await startServer(t, OPENINGS);
    const observer = await open(server);
    const client = connect(server, {}, `/?fail=${fail}`);
    const heard = record(client, 'data');
    const attempts = record(client, 'reconnect scheduled');
    await event(client, 'open');
    client.write({ do: 'write', value: 'early' });
    await event(client, 'end');
    assert.deepEqual([heard, attempts], [['first'], []]);
    let events;
    // It may have ended before it could have been asked for its id.
    do [events] = await ask(observer, { do: 'others' });
    while (!events.includes('disconnection'));
    const ofEnd = ['error', 'readyStateChange', 'disconnection'];
    assert.deepEqual(events.filter((name) => name !== 'end'), [...before, ...ofEnd]);
  });
}
