// What every transformer owes to a Primus client: one list, run through the real client for each.
'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const {
  ask, collect, connect, countsOnce, event, muteNextPongs, open, record, sparkId,
} = require('./clients');
const { freePort, startServer } = require('./server');
const { VALUES } = require('./values');
const { variants } = require('./variants');

const MIB = 1024 * 1024;
// A client that is to live may stand still for nearly so long, as the machine may.
const PING_INTERVAL_MS = 3_000;
// How much later than due something may happen on a busy machine.
const LATE_MS = 10_000;
// Clocks count whole milliseconds, and two of them may cut differently.
const ROUNDING_MS = 3;
// Options of a client that does not take its time to come back. An attempt that is ended before it
// is open is noticed by its timeout alone.
const EAGER = { reconnect: { min: 20, max: 200, retries: 1_000, 'reconnect timeout': 3_000 } };
// The browserchannel package itself tries three times to go on with its channel, after as much as
// 15, 30 and 45 seconds, before Primus hears of it.
const COME_BACK_MS_MAX = 120_000;

/** A test for every variant. Those that mostly wait do so together. */
function each(name, judge, { waits = false } = {}) {
  describe(name, { concurrency: waits }, () => {
    for (const [variantName, variant] of variants) {
      test(`${name}: ${variantName}`, (t) => judge(t, variant));
    }
  });
}

/** A scripted server that soon forgets whoever is gone. */
function startForgetful(t, { server, forgets }) {
  return startServer(t, { ...server, app: 'scripted', transport: forgets });
}

each('a client opens, and what it wrote before arrives in order', async (t, variant) => {
  const server = await startServer(t, variant.server);
  const client = connect(server, variant.client);
  const received = collect(client, 'data', 3);
  for (const value of ['first', 'second', 'third']) client.write(value);
  await event(client, 'open');
  assert.equal(client.readyState, client.constructor.OPEN);
  assert.deepEqual(await received, ['first', 'second', 'third']);
});

each('values come back as they went', async (t, variant) => {
  const client = await open(await startServer(t, variant.server), variant.client);
  for (const value of Object.values(VALUES)) assert.deepEqual(await ask(client, value), value);
  const long = ['x'.repeat(MIB), '👋\u2028'.repeat(MIB / 7), '%+&=\0\x1e'.repeat(10_000)];
  for (const value of long) {
    const answer = await ask(client, value);
    // Not assert.equal, which would print a megabyte.
    assert.ok(answer === value, `${answer.length} characters came back of ${value.length}`);
  }
});

each('10,000 messages go both ways in order', async (t, variant) => {
  const count = 10_000;
  const client = await open(await startServer(t, variant.server), variant.client);
  const answers = collect(client, 'data', count, 30_000);
  for (let n = 0; n < count; n += 1) client.write({ n });
  const wrong = (await answers).findIndex(({ n }, index) => n !== index);
  assert.equal(wrong, -1);
});

each('10,000 messages of one moment reach a client in order', async (t, variant) => {
  const count = 10_000;
  const server = await startServer(t, { ...variant.server, app: 'scripted' });
  const client = await open(server, variant.client);
  const received = collect(client, 'data', count, 30_000);
  client.write({ do: 'count', to: count });
  const wrong = (await received).findIndex((value, index) => value !== index);
  assert.equal(wrong, -1);
});

each('a spark knows its id, its query, its headers and its address', async (t, variant) => {
  const server = await startServer(t, { ...variant.server, app: 'scripted' });
  const headers = variant.headers && { [variant.headers]: { 'x-interop': 'a: b' } };
  const transport = { ...variant.client?.transport, ...headers };
  const options = { ...variant.client, transport };
  const client = await open(server, options, '/?token=a%20b%26c&empty=&%C3%BC=%E2%82%AC');
  const other = await open(server, variant.client);

  const spark = await ask(client, { do: 'describe' });
  assert.equal(spark.id, await sparkId(client));
  assert.notEqual(spark.id, await sparkId(other));
  const { token, empty, ü } = spark.query;
  assert.deepEqual([token, empty, ü], ['a b&c', '', '€']);
  assert.equal(spark.header, variant.headers ? 'a: b' : null);
  assert.match(spark.address.ip, /^(::ffff:)?127\.0\.0\.1$/);
  assert.ok(spark.address.port > 0, `port ${spark.address.port}`);
});

each('a client that answers is pinged and stays', async (t, variant) => {
  const count = 2;
  const server = await startServer(t, { ...variant.server, pingIntervalMs: PING_INTERVAL_MS });
  const client = await open(server, variant.client);
  const closes = record(client, 'close');
  const pongs = record(client, 'outgoing::pong');

  const pings = await collect(client, 'incoming::ping', count);

  // The first may come anywhere in the interval, so a later one may take half of it from the gap.
  pings.slice(1).forEach((value, n) => {
    const gapMs = value - pings[n];
    assert.ok(gapMs >= PING_INTERVAL_MS / 2, `pinged after ${gapMs} ms`);
    assert.ok(gapMs <= PING_INTERVAL_MS + LATE_MS, `pinged after ${gapMs} ms`);
  });
  assert.deepEqual(pongs, pings);
  assert.equal(await ask(client, 'still here'), 'still here');
  assert.deepEqual(closes, []);
}, { waits: true });

each('a client that stops answering is ended in time and comes back', async (t, variant) => {
  const server = await startServer(t, { ...variant.server, pingIntervalMs: PING_INTERVAL_MS });
  const client = await open(server, { ...variant.client, ...EAGER });
  await event(client, 'outgoing::pong');

  muteNextPongs(client);
  const pingedAt = await event(client, 'incoming::ping');
  const reconnected = event(client, 'reconnected', COME_BACK_MS_MAX);
  await event(client, 'close');
  const silentMs = Date.now() - pingedAt;

  assert.ok(silentMs >= PING_INTERVAL_MS - ROUNDING_MS, `ended after ${silentMs} ms`);
  assert.ok(silentMs <= 2 * PING_INTERVAL_MS + LATE_MS, `ended after ${silentMs} ms`);
  await reconnected;
  assert.equal(await ask(client, 'again'), 'again');
}, { waits: true });

each('a server that was killed and started again is found again', async (t, variant) => {
  const port = await freePort();
  const killed = await startServer(t, { ...variant.server, port });
  const client = await open(killed, { ...variant.client, ...EAGER });
  const scheduled = event(client, 'reconnect scheduled', 20_000);
  const reconnected = event(client, 'reconnected', COME_BACK_MS_MAX);
  await killed.kill('SIGKILL');
  await scheduled;
  await startServer(t, { ...variant.server, port });
  await reconnected;
  assert.equal(await ask(client, 'again'), 'again');
}, { waits: true });

each('a client that ends does not come back, and leaves nothing behind', async (t, variant) => {
  const server = await startForgetful(t, variant);
  const observer = await open(server, variant.client);
  const client = await open(server, { ...variant.client, ...EAGER });
  const ends = record(client, 'end');
  await ask(client, { do: 'counts' });

  client.end();
  assert.equal(ends.length, 1);
  assert.equal(client.recovery.reconnecting(), false);

  // A transport may remember a session for a while, so that a client can still ask for its end.
  const counts = await countsOnce(observer, ({ sessions }) => sessions === 1);
  assert.deepEqual([counts.connection, counts.disconnection, counts.sessions], [2, 1, 1]);
}, { waits: true });

each('a client that the server ends hears its last words and stays away', async (t, variant) => {
  const server = await startForgetful(t, variant);
  const client = await open(server, { ...variant.client, ...EAGER });
  const received = record(client, 'data');
  const scheduled = record(client, 'reconnect scheduled');
  client.write({ do: 'write', value: 1 });
  client.write({ do: 'end', data: 'goodbye' });
  await event(client, 'end');
  assert.deepEqual(received, [1, 'goodbye']);
  assert.equal(client.recovery.reconnecting(), false);
  assert.deepEqual(scheduled, []);

  const observer = await open(server, variant.client);
  const counts = await countsOnce(observer, ({ sessions }) => sessions === 1);
  assert.deepEqual([counts.connection, counts.disconnection, counts.sessions], [2, 1, 1]);
}, { waits: true });

each('a client that the server ends with reconnect is a new spark', async (t, variant) => {
  const server = await startForgetful(t, variant);
  const client = await open(server, { ...variant.client, ...EAGER });
  const before = await sparkId(client);
  const received = record(client, 'data');
  const scheduled = record(client, 'reconnect scheduled');
  const reconnected = event(client, 'reconnected', COME_BACK_MS_MAX);
  client.write({ do: 'end', data: 'goodbye', reconnect: true });
  await reconnected;
  assert.deepEqual(received, ['goodbye']);
  assert.deepEqual(scheduled.map(({ attempt }) => attempt), [1]);
  assert.notEqual(await sparkId(client), before);
  const counts = await countsOnce(client, ({ sessions }) => sessions === 1);
  assert.deepEqual([counts.connection, counts.disconnection, counts.sessions], [2, 1, 1]);
}, { waits: true });

each('SIGTERM sends the clients elsewhere after what was written', async (t, variant) => {
  const server = await startServer(t, variant.server);
  const clients = await Promise.all(
    Array.from({ length: 5 }, () => open(server, variant.client)),
  );
  await Promise.all(clients.map((client) => ask(client, 'one')));
  // At once, because the same object tells of the next attempt.
  const attempt = async (client) => (await event(client, 'reconnect scheduled')).attempt;
  const attempts = clients.map(attempt);
  assert.deepEqual(await server.kill('SIGTERM'), { code: 0, signal: null });
  assert.deepEqual(await Promise.all(attempts), clients.map(() => 1));
}, { waits: true });
