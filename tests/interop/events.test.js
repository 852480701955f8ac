// What the application of a server hears, in which order, and what it does with messages on their
// way: events, visits to all sparks, transforms.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const {
  ask, collect, countsOnce, event, open, openPlain, record, sparkId, text,
} = require('./clients');
const { differsFromNode, startServer, within } = require('./server');

const EVENT_MS_MAX = 30_000;

/** The events of the spark with this id, once its last one has come. */
async function eventsOf(observer, id) {
  for (;;) {
    const events = await ask(observer, { do: 'events', of: id });
    if (events.includes('disconnection')) return events;
  }
}

test('a spark that is ended changes its readyState, then is gone', async (t) => {
  const server = await startServer(t, { app: 'scripted' });
  const observer = await open(server);
  const client = await open(server);
  const id = await sparkId(client);
  client.write({ do: 'end', data: 'goodbye' });
  const events = await eventsOf(observer, id);
  assert.deepEqual(
    events.filter((name) => name !== 'end'),
    ['connection', 'data', 'readyStateChange', 'disconnection'],
  );
  assert.equal(events.filter((name) => name === 'end').length, 1);
});

test('a spark whose client leaves has the same end', async (t) => {
  const server = await startServer(t, { app: 'scripted' });
  const observer = await open(server);
  for (const leave of ['close', 'terminate']) {
    const socket = await openPlain(server);
    socket.send('"primus::id::"');
    const id = JSON.parse(await text(socket)).slice('primus::id::'.length);
    socket[leave]();
    const events = await eventsOf(observer, id);
    assert.deepEqual(
      events.filter((name) => name !== 'end'),
      ['connection', 'readyStateChange', 'disconnection'],
    );
  }
});

test(
  'what a spark hears of its end comes before the server hears of it',
  differsFromNode('its own listener of `end`, which emits `disconnection`, is the first'),
  async (t) => {
    const server = await startServer(t, { app: 'scripted' });
    const observer = await open(server);
    const client = await open(server);
    const id = await sparkId(client);
    client.write({ do: 'end' });
    const events = await eventsOf(observer, id);
    assert.deepEqual(events.slice(-3), ['readyStateChange', 'end', 'disconnection']);
  },
);

test('a ping and its answer are events', async (t) => {
  const server = await startServer(t, { app: 'scripted', pingIntervalMs: 2_000 });
  const client = await open(server);
  const id = await sparkId(client);
  await event(client, 'outgoing::pong');
  const events = await ask(client, { do: 'events', of: id });
  const upToPong = events.slice(0, events.indexOf('incoming::pong') + 1);
  assert.deepEqual(upToPong, ['connection', 'outgoing::ping', 'heartbeat', 'incoming::pong']);
});

test('a ping of the WebSocket counts as a pong', async (t) => {
  const socket = await openPlain(await startServer(t, { app: 'scripted' }));
  socket.send('"primus::id::"');
  const id = JSON.parse(await text(socket)).slice('primus::id::'.length);
  socket.ping();
  await event(socket, 'pong');
  socket.send(JSON.stringify({ do: 'events', of: id }));
  const expected = ['connection', 'heartbeat', 'incoming::pong', 'data'];
  assert.deepEqual(JSON.parse(await text(socket)), expected);
});

test('a server knows how many sparks are connected', async (t) => {
  const server = await startServer(t, { app: 'scripted' });
  const observer = await open(server);
  const others = await Promise.all([open(server), open(server)]);
  assert.equal((await ask(observer, { do: 'counts' })).connected, 3);
  others[0].end();
  const counts = await countsOnce(observer, ({ disconnection }) => disconnection > 0);
  assert.equal(counts.connected, 2);
});

test('a visit that takes its time comes to everybody, then says so', async (t) => {
  const server = await startServer(t, { app: 'scripted' });
  const clients = await Promise.all([1, 2, 3, 4].map(() => open(server)));
  const heard = Promise.all(clients.map((client) => collect(client, 'data', 2)));
  const [asker, ...others] = clients;
  const done = new Promise((resolve) => {
    asker.on('data', (data) => data === 'done' && resolve());
  });
  asker.write({ do: 'visit' });
  await done;
  // Each was visited before, although that may still be on its way.
  for (const client of others) client.write({ do: 'write', value: 'after' });
  const visited = others.map(() => ['visited', 'after']);
  assert.deepEqual(await heard, [['visited', 'done'], ...visited]);
});

// Of each: how four sparks are visited, to how many of them the visit comes, and what its asker is
// told of its end.
const VISITS = [
  [{ how: 'sync' }, 4],
  [{ how: 'sync', last: 2 }, 2],
  [{ how: 'stop', last: 2 }, 2, 'done'],
  [{ how: 'fail', last: 2 }, 2, 'failed: refused'],
];

for (const [visit, count, end] of VISITS) {
  const name = `of 4 sparks ${count} are visited: ${JSON.stringify(visit)}`;
  test(name, async (t) => {
    // Shards visit beside each other, so each of several would visit two.
    const server = await startServer(t, { app: 'scripted', shards: 1 });
    const clients = await Promise.all([1, 2, 3, 4].map(() => open(server)));
    const heard = clients.map((client) => record(client, 'data'));
    const words = count + (end === undefined ? 0 : 1);
    const allSaid = new Promise((resolve) => {
      const judge = () => heard.flat().length === words && resolve();
      for (const client of clients) client.on('data', judge);
    });
    clients[0].write({ do: 'visit', ...visit });
    await within(EVENT_MS_MAX, allSaid, () => JSON.stringify(heard));
    // Who is visited all the same hears of it before this.
    await Promise.all(clients.map((client) => ask(client, { do: 'write', value: 'after' })));
    const others = heard.map((data) => data.filter((value) => value !== 'visited'));
    const ends = end === undefined ? [] : [end];
    assert.deepEqual(others, [[...ends, 'after'], ['after'], ['after'], ['after']]);
    const visits = heard.map((data) => data.filter((value) => value === 'visited').length);
    assert.equal(Math.max(...visits), 1, 'nobody is visited twice');
    assert.equal(visits.reduce((sum, times) => sum + times), count);
  });
}

const TRANSFORMS = { app: 'scripted', transforms: true };

test('messages go through transforms in both directions', async (t) => {
  const client = await open(await startServer(t, TRANSFORMS));
  assert.equal(await ask(client, { do: 'write', value: 'x' }), 'x<>');
  const answers = collect(client, 'data', 2);
  for (const value of ['secret', 'bad', 7]) client.write({ do: 'write', value });
  client.write({ do: 'write', value: 'y' });
  assert.deepEqual(await answers, [7, 'y<>'], 'one was dropped, one refused');
});

test('what a transform drops nobody gets, what it refuses is an error', async (t) => {
  const client = await open(await startServer(t, TRANSFORMS));
  for (const name of ['drop', 'refuse', 'drop']) client.write({ do: name });
  const { data, error } = await ask(client, { do: 'counts' });
  assert.deepEqual([data, error], [1, 1]);
  for (const value of ['secret', 'bad']) client.write({ do: 'write', value });
  const counts = await ask(client, { do: 'counts' });
  assert.deepEqual([counts.data, counts.error], [4, 2]);
});

test('a broadcast is transformed for everybody', async (t) => {
  const server = await startServer(t, { ...TRANSFORMS, shards: 2 });
  const clients = await Promise.all([1, 2, 3, 4].map(() => open(server)));
  const heard = Promise.all(clients.map((client) => event(client, 'data')));
  clients[0].write({ do: 'broadcast', value: 'secret' });
  clients[0].write({ do: 'broadcast', value: 'x' });
  assert.deepEqual(await heard, clients.map(() => 'x<>'));
});

test('what Primus itself says is not transformed', async (t) => {
  const server = await startServer(t, { ...TRANSFORMS, pingIntervalMs: 2_000 });
  const client = await open(server);
  const raw = record(client, 'incoming::data');
  await event(client, 'outgoing::pong');
  await sparkId(client);
  client.write({ do: 'end' });
  await event(client, 'end');
  const said = raw.map((message) => message.replace(/::[^:]*$/, ''));
  assert.deepEqual([...new Set(said)], ['"primus::ping', '"primus::id', '"primus::server']);
});

const SLOW = { app: 'scripted', slowTransforms: true };

for (const transformer of ['websockets', 'engine.io', 'sockjs', 'browserchannel']) {
  test(`${transformer}: a transform that knows the spark may take its time`, async (t) => {
    const server = await startServer(t, { ...SLOW, transformer, shards: 2 });
    const names = ['ann', 'ben', 'cay'];
    const clients = await Promise.all(names.map((name) => open(server, {}, `/?name=${name}`)));
    assert.equal(await ask(clients[0], { do: 'write', value: 'slow 1' }), 'slow 1, ann');
    const heard = Promise.all(clients.map((client) => collect(client, 'data', 2)));
    for (const value of ['slow 2', 'slow secret', 'slow bad', 'slow 3']) {
      clients[1].write({ do: 'broadcast', value });
    }
    const expected = names.map((name) => [`slow 2, ${name}`, `slow 3, ${name}`]);
    assert.deepEqual(await heard, expected, 'one was dropped for all, one refused');
    const { error } = await ask(clients[0], { do: 'counts' });
    assert.equal(error, clients.length, 'each spark was told');
  });

  test(`${transformer}: one may take its time for what clients say, too`, async (t) => {
    const server = await startServer(t, { ...SLOW, transformer, shards: 2 });
    const names = ['ann', 'ben', 'cay'];
    const clients = await Promise.all(names.map((name) => open(server, {}, `/?name=${name}`)));
    const answers = Promise.all(clients.map((client) => event(client, 'data')));
    for (const client of clients) {
      for (const value of ['late secret', 'late bad', 'late 1']) {
        client.write({ do: 'write', value });
      }
    }
    const expected = names.map((name) => `late 1, ${name}`);
    assert.deepEqual(await answers, expected, 'of each one was dropped, one refused');
    const { data, error } = await ask(clients[0], { do: 'counts' });
    assert.deepEqual([data, error], [clients.length + 1, clients.length]);
  });
}

test('what waits for a transform when its spark ends is not sent', async (t) => {
  const server = await startServer(t, SLOW);
  const client = await open(server);
  const heard = record(client, 'data');
  // Both within one message, as the transform does not wait for another one.
  client.write({ do: 'end', data: 'slow 1' });
  await event(client, 'end');
  assert.deepEqual(heard, []);
  const other = await open(server);
  assert.equal(await ask(other, { do: 'write', value: 'slow 2' }), 'slow 2, ');
});

test(
  'what is written behind a message that waits for a transform comes behind it',
  differsFromNode('what its transforms let pass at once overtakes it'),
  async (t) => {
    const server = await startServer(t, SLOW);
    const [client, other] = await Promise.all([open(server), open(server)]);
    const heard = collect(client, 'data', 4);
    for (const value of ['slow 1', 2]) client.write({ do: 'write', value });
    for (const value of [3, 'slow 4']) client.write({ do: 'broadcast', value });
    assert.deepEqual(await event(other, 'data'), 3);
    assert.deepEqual(await heard, ['slow 1, ', 2, 3, 'slow 4, ']);
  },
);

test(
  'what a client says behind a message that waits for a transform comes behind it',
  differsFromNode('what its transforms let pass at once overtakes it'),
  async (t) => {
    const server = await startServer(t, SLOW);
    const [client, other] = await Promise.all([open(server), open(server)]);
    const heard = collect(client, 'data', 3);
    for (const value of ['late 1', 2, 'late 3']) client.write({ do: 'write', value });
    assert.equal(await ask(other, { do: 'write', value: 4 }), 4);
    assert.deepEqual(await heard, ['late 1, ', 2, 'late 3, ']);
  },
);
