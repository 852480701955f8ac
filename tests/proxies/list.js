// What every transport owes to a client that is behind a proxy, in short: the common list of
// tests/interop is about what lies between them, this is about what stands there.
'use strict';

const assert = require('node:assert/strict');

const { ask, collect, connect, event, openPlain, record, sparkId, text } =
  require('../interop/clients');
const { variants } = require('../interop/variants');
const { VALUES } = require('../interop/values');

const COUNT = 1_000;
const KIB = 1024;
// Clients that do not take their time to come back.
const EAGER = { reconnect: { min: 20, max: 200, retries: 1_000, 'reconnect timeout': 3_000 } };
// The browserchannel package itself tries three times to go on with its channel, after as much as
// 15, 30 and 45 seconds, before Primus hears of it.
const COME_BACK_MS_MAX = 120_000;

/** The ways in that differ on the wire. Those that compress only send other bytes. */
const WAYS = variants.filter(
  ([, { onlyAllSpark, server }]) => !onlyAllSpark && !server.compression,
);

/** The ways in that need no stream: a proxy may keep back what is sent until it has enough. */
const UNSTREAMED = WAYS.filter(([name]) => name !== 'sockjs by streaming');

/** The server as its clients see it: behind a proxy at this URL. */
function behind(server, url, spokenBy = server.spokenBy) {
  return {
    spokenBy,
    pathname: server.pathname,
    parser: server.parser,
    url,
    webSocketUrl: url.replace(/^http/, 'ws') + server.pathname,
    beforeStop: (cleanup) => server.beforeStop(cleanup),
    afterStop: (cleanup) => server.afterStop(cleanup),
  };
}

/**
 * Everybody goes through the list at the same time. `restart` ends the scripted server that speaks
 * `any`, and starts it again in the same place. Then all of them come back through the proxy.
 */
async function everybodyIsServed(server, url, restart, ways = WAYS) {
  await everybody(server, url, restart, ways, isServed, command);
}

/** The same with a server that echoes, which can't be told to end a client. */
async function everybodyIsEchoed(server, url, restart) {
  await everybody(server, url, restart, WAYS, isEchoed, (value) => value);
}

async function everybody(server, url, restart, ways, goThrough, telling) {
  const stayed = await Promise.all(ways.map(([name, variant]) => (
    by(name, goThrough(behind(server, url, variant.server.transformer), variant))
  )));
  const back = stayed.map((client, index) => (
    by(ways[index][0], event(client, 'reconnected', COME_BACK_MS_MAX))
  ));
  await restart();
  await Promise.all(back);
  for (const client of stayed) assert.equal(await ask(client, telling('again')), 'again');
}

/** The same promise; its error names the way. */
async function by(name, promise) {
  try {
    return await promise;
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  }
}

/** One client goes through the list; another one, which stays, is what becomes of it. */
async function isServed(server, variant) {
  const client = connect(server, trusting(variant), '/?token=a%20b%26c');
  await hearsItself(client, command);
  const counted = collect(client, 'data', COUNT);
  client.write({ do: 'count', to: COUNT });
  assert.equal((await counted).findIndex((value, index) => value !== index), -1);

  const spark = await ask(client, { do: 'describe' });
  assert.equal(spark.id, await sparkId(client));
  assert.equal(spark.query.token, 'a b&c');

  await isEnded(client);
  return staysThroughAnEnd(server, variant);
}

async function isEchoed(server, variant) {
  const client = connect(server, { ...trusting(variant), ...EAGER });
  await hearsItself(client, (value) => value);
  return client;
}

/** What it writes comes back, in order, also what it wrote before it was open. */
async function hearsItself(client, telling) {
  const early = collect(client, 'data', 3);
  for (const value of ['first', 'second', 'third']) client.write(telling(value));
  assert.deepEqual(await early, ['first', 'second', 'third']);

  for (const value of Object.values(VALUES)) {
    assert.deepEqual(await ask(client, telling(value)), value);
  }
  const long = '👋\u2028%+&='.repeat(30 * KIB);
  assert.ok(await ask(client, telling(long)) === long, 'a long text came back changed');

  const answers = collect(client, 'data', COUNT);
  for (let n = 0; n < COUNT; n += 1) client.write(telling(n));
  assert.equal((await answers).findIndex((value, index) => value !== index), -1);
}

/** It hears the last words, and stays away. */
async function isEnded(client) {
  const received = record(client, 'data');
  client.write({ do: 'end', data: 'goodbye' });
  await event(client, 'end');
  assert.deepEqual(received, ['goodbye']);
  assert.equal(client.recovery.reconnecting(), false);
}

/** It is sent elsewhere, and is a new spark. */
async function staysThroughAnEnd(server, variant) {
  const client = connect(server, { ...trusting(variant), ...EAGER });
  await event(client, 'open');
  const before = await sparkId(client);
  const reconnected = event(client, 'reconnected', COME_BACK_MS_MAX);
  client.write({ do: 'end', data: 'goodbye', reconnect: true });
  await reconnected;
  assert.notEqual(await sparkId(client), before);
  return client;
}

/** Options of a client that judges no certificate: that of engine.io is told by its own. */
function trusting({ client, server }) {
  if (server.transformer !== 'engine.io') return client;
  return { ...client, transport: { ...client?.transport, rejectUnauthorized: false } };
}

/** Tells the scripted server to write a value. */
function command(value) {
  return { do: 'write', value };
}

// What a client says of itself, and what a proxy says of it.
const CLAIMED = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' };
const LOCAL_ADDRESS = '127.0.0.77';

/** The address of a spark is that of its client, whatever the client says and the proxy is. */
async function knowsTheAddress(server, url) {
  const options = { localAddress: LOCAL_ADDRESS, headers: CLAIMED };
  const socket = await openPlain(behind(server, url), '', options);
  socket.send(JSON.stringify({ do: 'describe' }));
  const { address } = JSON.parse(await text(socket));
  assert.equal(address.ip, LOCAL_ADDRESS);
}

/** The same where the log tells it, at the level `debug`. */
async function logsTheAddress(server, url) {
  const options = { localAddress: LOCAL_ADDRESS, headers: CLAIMED };
  await openPlain(behind(server, url), '', options);
  await server.said(/ peer=127\.0\.0\.77:/);
}

module.exports = {
  UNSTREAMED, everybodyIsEchoed, everybodyIsServed, knowsTheAddress, logsTheAddress,
};
