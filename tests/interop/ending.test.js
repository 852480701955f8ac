// How a connection ends, and who comes back after it.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const {
  ask, collect, countsOnce, event, open, openPlain, record, sparkId, text,
} = require('./clients');
const { request } = require('./raw');
const { differsFromNode, freePort, startServer } = require('./server');

const DEFAULT_MIN_MS = 500;
// Clocks count whole milliseconds, and two of them may cut differently.
const ROUNDING_MS = 3;

test('a client that ends does not come back, and the server sees it once', async (t) => {
  const server = await startServer(t, { app: 'scripted' });
  const observer = await open(server);
  const client = await open(server);
  const ends = record(client, 'end');

  client.end();
  assert.equal(ends.length, 1);
  assert.equal(client.recovery.reconnecting(), false);

  const counts = await countsOnce(observer, ({ disconnection }) => disconnection > 0);
  assert.deepEqual([counts.connection, counts.disconnection], [2, 1]);
});

test('a connection that breaks without a word is one disconnection', async (t) => {
  const server = await startServer(t, { app: 'scripted' });
  const observer = await open(server);
  const socket = await openPlain(server);
  socket.terminate();
  const counts = await countsOnce(observer, ({ disconnection }) => disconnection > 0);
  assert.deepEqual([counts.connection, counts.disconnection], [2, 1]);
});

test('a client that the server ends does not come back', async (t) => {
  const client = await open(await startServer(t, { app: 'scripted' }));
  const raw = record(client, 'incoming::data');
  const scheduled = record(client, 'reconnect scheduled');
  client.write({ do: 'end' });
  await event(client, 'end');
  assert.deepEqual(raw, ['"primus::server::close"']);
  assert.equal(client.recovery.reconnecting(), false);
  assert.deepEqual(scheduled, []);
});

test('the last words of the server arrive before the end', async (t) => {
  const client = await open(await startServer(t, { app: 'scripted' }));
  const raw = record(client, 'incoming::data');
  client.write({ do: 'write', value: 1 });
  client.write({ do: 'end', data: 'goodbye' });
  await event(client, 'end');
  assert.deepEqual(raw, ['1', '"goodbye"', '"primus::server::close"']);
});

test('a client without Primus sees the end of the server as a clean close', async (t) => {
  const socket = await openPlain(await startServer(t, { app: 'scripted' }));
  const closed = event(socket, 'close');
  socket.send('{"do":"end"}');
  assert.equal(await text(socket), '"primus::server::close"');
  // 1005: a closing frame without a code, which is what Node.js Primus sends.
  assert.ok([1000, 1005].includes(await closed));
});

test('a client that the server ends with reconnect comes back as a new spark', async (t) => {
  const client = await open(await startServer(t, { app: 'scripted' }));
  const before = await sparkId(client);
  const raw = record(client, 'incoming::data');
  client.write({ do: 'end', reconnect: true });
  const schedule = await event(client, 'reconnect scheduled');
  assert.deepEqual(raw, []);
  assert.equal(schedule.attempt, 1);
  assert.equal(schedule.scheduled, DEFAULT_MIN_MS);
  await event(client, 'reconnected');
  assert.notEqual(await sparkId(client), before);
});

test('a server that was killed and started again is found again', async (t) => {
  const port = await freePort();
  const killed = await startServer(t, { port });
  const [min, max] = [100, 1_000];
  const client = await open(killed, { reconnect: { min, max } });

  const scheduled = collect(client, 'reconnect scheduled', 4);
  await killed.kill('SIGKILL');
  for (const { attempt, scheduled: delayMs } of await scheduled) {
    const earliest = Math.min(min * 2 ** (attempt - 1), max);
    const latest = attempt === 1 ? min : Math.min(2 * earliest, max);
    assert.ok(delayMs >= earliest && delayMs <= latest, `attempt ${attempt} after ${delayMs} ms`);
  }
  assert.notEqual(client.readyState, client.constructor.OPEN);

  const reconnected = event(client, 'reconnected');
  await startServer(t, { port });
  await reconnected;
  assert.equal(await ask(client, 'again'), 'again');
});

test('SIGTERM sends the clients elsewhere, and the server leaves with exit code 0', async (t) => {
  const server = await startServer(t, { shards: 2 });
  const clients = await Promise.all(Array.from({ length: 10 }, () => open(server)));
  const raw = clients.map((client) => record(client, 'incoming::data'));
  // At once, because the same object tells of the next attempt.
  const attempt = async (client) => (await event(client, 'reconnect scheduled')).attempt;
  const attempts = clients.map(attempt);
  const plainClosed = event(await openPlain(server), 'close');
  assert.deepEqual(await server.kill('SIGTERM'), { code: 0, signal: null });
  assert.deepEqual(await Promise.all(attempts), clients.map(() => 1));
  assert.deepEqual(raw.flat(), []);
  // 1006 would mean that the connection broke without a closing frame.
  assert.notEqual(await plainClosed, 1006);
});

for (const reconnect of [false, true]) {
  test(`destroy ends everybody, reconnect: ${reconnect}`, async (t) => {
    const server = await startServer(t, { app: 'scripted' });
    const clients = await Promise.all([1, 2, 3].map(() => open(server)));
    const raw = clients.map((client) => record(client, 'incoming::data'));
    const attempts = clients.map((client) => record(client, 'reconnect scheduled'));
    const next = reconnect ? 'reconnect scheduled' : 'end';
    const over = Promise.all(clients.map((client) => event(client, next)));
    clients[0].write({ do: 'destroy', reconnect });
    await over;
    assert.deepEqual(attempts.map(({ length }) => length > 0), clients.map(() => reconnect));
    const goodbye = reconnect ? [] : ['"primus::server::close"'];
    assert.deepEqual(raw, clients.map(() => goodbye));
    // Node.js may be gone by now.
    await server.kill('SIGTERM');
  });
}

/** The status with which a server answers, or `nobody` if it takes no connection. */
async function answerOf(server) {
  try {
    return (await request(server, 'GET', '/primus/spec')).status;
  } catch (error) {
    // With io_uring the kernel closes a listener a moment later, and cuts off who comes till then.
    assert.match(error.code, /^(ECONNREFUSED|ECONNRESET)$/);
    return 'nobody';
  }
}

// Of each: how a server is destroyed, what its listener of `close` is told, and what becomes of a
// request afterwards.
const DESTROYS = [
  [{}, 'close true, reconnect false, timeout 0', 'nobody'],
  [{ timeout: 300 }, 'close true, reconnect false, timeout 300', 'nobody'],
  [{ close: false }, 'close false, reconnect false, timeout 0', 404],
  [
    { close: false, reconnect: true }, 'close false, reconnect true, timeout 0', 404,
    differsFromNode('`reconnect` sets `close`'),
  ],
];

for (const [options, told, left, skipped = {}] of DESTROYS) {
  test(`what is left after destroy: ${JSON.stringify(options)}`, skipped, async (t) => {
    // One that no other server gets afterwards.
    const port = await freePort();
    const server = await startServer(t, { app: 'scripted', port, shards: 2 });
    const client = await open(server);
    const begunAt = performance.now();
    client.write({ do: 'destroy', ...options });
    await event(client, options.reconnect ? 'reconnect scheduled' : 'end');
    const waitedMs = performance.now() - begunAt;
    assert.ok(waitedMs >= (options.timeout ?? 0) - ROUNDING_MS, `ended after ${waitedMs} ms`);
    await server.said(new RegExp(`^destroyed: ${told}$`, 'm'));
    assert.equal(await answerOf(server), left);
    // Node.js may be gone by now.
    await server.kill('SIGTERM');
  });
}

test('what was answered before SIGTERM is still delivered', async (t) => {
  const count = 1_000;
  const server = await startServer(t);
  const client = await open(server);
  const received = record(client, 'data');
  const closed = event(client, 'close');
  for (let n = 0; n < count; n += 1) client.write(n);
  await event(client, 'data');
  await server.kill('SIGTERM');
  await closed;
  // How many the server had read by then is its own affair, but none is lost in between.
  assert.deepEqual(received, Array.from(received, (_, n) => n));
});
