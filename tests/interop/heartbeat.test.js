// Primus pings, the client answers, and who does not answer is ended.
'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const {
  collect, event, muteNextPongs, open, openPlain, record, text,
} = require('./clients');
const { startServer } = require('./server');

// A client that is to live may stand still for nearly so long, as the machine may.
const INTERVAL_MS = 2_000;
// How much later than due something may happen on a busy machine.
const LATE_MS = 10_000;
// Clocks count whole milliseconds, and two of them may cut differently.
const ROUNDING_MS = 3;

// Together, as they mostly wait.
describe('heartbeats', { concurrency: true }, () => {
  test('a client that answers is pinged once per interval and stays connected', async (t) => {
    const count = 3;
    const server = await startServer(t, { pingIntervalMs: INTERVAL_MS });
    const client = await open(server);
    const openedAt = Date.now();
    const closes = record(client, 'close');
    const pongs = record(client, 'outgoing::pong');

    const pings = await collect(client, 'incoming::ping', count);

    assert.ok(Date.now() - openedAt <= count * INTERVAL_MS + LATE_MS);
    // The first may come anywhere in the interval, so only the later ones have a moment too early:
    // half an interval is what a late first ping may take from the distance.
    pings.forEach((value, n) => {
      assert.ok(value - pings[0] >= (n - 0.5) * INTERVAL_MS, `ping ${n} too early: ${pings}`);
      const ageMs = Date.now() - value;
      assert.ok(Math.abs(ageMs) < count * INTERVAL_MS + LATE_MS, `no clock reading: ${value}`);
    });
    assert.deepEqual(pongs, pings);
    assert.deepEqual(closes, []);
  });

  test('a client that stops answering is ended within two intervals and reconnects', async (t) => {
    const server = await startServer(t, { pingIntervalMs: INTERVAL_MS });
    const client = await open(server, { reconnect: { min: 20 } });
    await event(client, 'outgoing::pong');

    const raw = record(client, 'incoming::data');
    muteNextPongs(client);
    const pingedAt = await event(client, 'incoming::ping');
    await event(client, 'close');
    const silentMs = Date.now() - pingedAt;

    assert.ok(silentMs >= INTERVAL_MS - ROUNDING_MS, `ended after ${silentMs} ms`);
    assert.ok(silentMs <= 2 * INTERVAL_MS + LATE_MS, `ended after ${silentMs} ms`);
    assert.deepEqual(raw.filter((message) => message.includes('server::close')), []);
    await event(client, 'reconnected');
  });

  test('a client without Primus that never answers is ended in the same time', async (t) => {
    const socket = await openPlain(await startServer(t, { pingIntervalMs: INTERVAL_MS }));
    const closed = event(socket, 'close');
    const ping = JSON.parse(await text(socket));
    assert.match(ping, /^primus::ping::\d{13}$/);
    await closed;
    const silentMs = Date.now() - Number(ping.slice('primus::ping::'.length));
    assert.ok(silentMs >= INTERVAL_MS - ROUNDING_MS, `ended after ${silentMs} ms`);
    assert.ok(silentMs <= 2 * INTERVAL_MS + LATE_MS, `ended after ${silentMs} ms`);
  });

  test('a ping of the WebSocket itself counts as an answer', async (t) => {
    const socket = await openPlain(await startServer(t, { pingIntervalMs: INTERVAL_MS }));
    socket.on('message', () => socket.ping());
    await collect(socket, 'message', 3);
    assert.equal(socket.readyState, socket.OPEN);
  });
});
