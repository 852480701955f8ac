// The events of a client, in order, on every way from its construction to its end.

import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { Primus } from '../src/primus.js';
import { EVENTS, INTERNAL_EVENTS, fakeClient, openClient } from './support/fake.js';

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
});

const pass = (time_ms) => mock.timers.tick(time_ms);

test('a client opens by itself, a moment after its construction', () => {
  const { primus, connections, log, link } = fakeClient({ manual: false });
  assert.equal(primus.readyState, Primus.CLOSED);
  assert.equal(connections.length, 0);
  pass(0);
  assert.deepEqual(log, ['readyStateChange opening']);
  assert.equal(primus.readyState, Primus.OPENING);
  link().opened();
  assert.deepEqual(log, ['readyStateChange opening', 'readyStateChange open', 'open']);
  assert.equal(primus.readyState, Primus.OPEN);
});

test('a manual client waits for open()', () => {
  const { primus, connections } = fakeClient();
  pass(60_000);
  assert.equal(connections.length, 0);
  assert.equal(primus.open(), primus);
  assert.equal(connections.length, 1);
});

test('the internal events come in the order of npm primus', () => {
  const { primus, news, link } = fakeClient({}, [...INTERNAL_EVENTS, ...EVENTS]);
  primus.open();
  assert.deepEqual(news(), [
    'readyStateChange opening',
    'outgoing::end',
    'outgoing::url',
    'outgoing::open',
  ]);
  link().opened();
  assert.deepEqual(news(), ['readyStateChange open', 'open', 'incoming::open']);
  link().received('"primus::ping::1700000000001"');
  assert.deepEqual(news(), [
    'outgoing::pong',
    'outgoing::data "primus::pong::1700000000001"',
    'incoming::ping',
    'incoming::data "primus::ping::1700000000001"',
  ]);
  link().received('"hi"');
  assert.deepEqual(news(), ['data hi', 'incoming::data "hi"']);
  primus.end();
  assert.deepEqual(news(), ['readyStateChange end', 'outgoing::end', 'close', 'end']);
});

test('the server ends the connection for good', () => {
  const { primus, news, link } = openClient();
  link().received('"primus::server::close"');
  assert.deepEqual(news(), []);
  link().ended();
  assert.deepEqual(news(), ['readyStateChange end', 'close', 'end']);
  pass(600_000);
  assert.deepEqual(news(), []);
  assert.equal(primus.writable || primus.readable, false);
});

test('a goodbye counts for the connection on which it came', () => {
  const { primus, news, link } = openClient();
  link().received('"primus::server::close"');
  primus.end();
  primus.open();
  link().opened();
  news();
  link().ended();
  assert.deepEqual(news(), ['readyStateChange end', 'close', 'reconnect scheduled']);
});

test('a connection that is lost comes back', () => {
  const { news, link, connections } = openClient();
  link().ended();
  assert.deepEqual(news(), ['readyStateChange end', 'close', 'reconnect scheduled']);
  pass(499);
  assert.deepEqual(news(), []);
  pass(1);
  assert.deepEqual(news(), ['readyStateChange opening', 'reconnect']);
  assert.equal(connections.length, 2);
  link().opened();
  assert.deepEqual(news(), ['reconnected', 'readyStateChange open', 'open']);
});

test('without the strategy disconnect a lost connection is the end', () => {
  const { news, link } = openClient({ strategy: 'timeout' });
  link().ended();
  assert.deepEqual(news(), ['readyStateChange end', 'close', 'end']);
});

test('a connection that fails at first is tried again', () => {
  const { primus, news, link } = fakeClient();
  primus.open();
  news();
  link().failed(new Error('refused'));
  link().ended();
  assert.deepEqual(news(), ['error refused', 'reconnect scheduled', 'readyStateChange end']);
  pass(500);
  news();
  link().failed(new Error('refused'));
  link().ended();
  assert.deepEqual(news(), ['reconnect scheduled', 'readyStateChange end']);
});

test('without the strategy timeout a connection that fails at first is the end', () => {
  for (const options of [{ strategy: 'disconnect' }, { authorization: true }]) {
    const { primus, news, link } = fakeClient(options);
    primus.open();
    news();
    link().failed(new Error('refused'));
    assert.deepEqual(news(), ['error refused', 'readyStateChange end', 'close', 'end']);
  }
});

test('a connection that ends at first without an error is the end', () => {
  const { primus, news, link } = fakeClient();
  primus.open();
  news();
  link().ended();
  assert.deepEqual(news(), ['readyStateChange end', 'close', 'end']);
});

test('a connection that takes too long is tried again, or is the end', () => {
  const patient = fakeClient({ timeout: 200 });
  patient.primus.open();
  pass(199);
  assert.deepEqual(patient.news(), ['readyStateChange opening']);
  pass(1);
  assert.deepEqual(patient.news(), ['timeout', 'reconnect scheduled']);

  const strict = fakeClient({ timeout: 200, strategy: false });
  strict.primus.open();
  strict.news();
  pass(200);
  assert.deepEqual(strict.news(), ['timeout', 'readyStateChange end', 'close', 'end']);
  assert.equal(strict.last().closed, true);
});

test('no time-out, no end to waiting', () => {
  const { primus, news } = fakeClient({ timeout: false });
  primus.open();
  pass(3_600_000);
  assert.deepEqual(news(), ['readyStateChange opening']);
});

test('a silent connection is lost after pingTimeout', () => {
  const { primus, news, link, connections } = openClient({ pingTimeout: 1000 });
  pass(900);
  link().received('"primus::ping::1"');
  pass(999);
  assert.deepEqual(news(), []);
  pass(1);
  const lost = ['offline', 'readyStateChange end', 'close', 'reconnect scheduled'];
  assert.deepEqual(news(), lost);
  assert.equal(connections[0].closed, true);
  connections[0].link.received('"late"');
  assert.deepEqual(news(), []);
  pass(500);
  news();
  link().opened();
  assert.deepEqual(news(), ['reconnected', 'online', 'readyStateChange open', 'open']);
  assert.equal(primus.online, true);
});

test('without pingTimeout silence is fine', () => {
  const { news } = openClient({ pingTimeout: false });
  pass(3_600_000);
  assert.deepEqual(news(), []);
});

test('all attempts used up: the end', () => {
  const { primus, news, link } = openClient({ reconnect: { retries: 2, min: 10 } });
  link().ended();
  pass(10);
  link().failed(new Error('refused'));
  link().ended();
  pass(40);
  news();
  link().failed(new Error('refused'));
  assert.deepEqual(news(), ['end', 'reconnect failed Unable to recover']);
  assert.equal(primus.recovery.reconnecting(), false);
});

test('an attempt takes no longer than reconnect timeout', () => {
  const { news, link } = openClient({ reconnect: { 'reconnect timeout': 100, min: 10 } });
  link().ended();
  pass(10);
  news();
  pass(100);
  const failure = 'Failed to reconnect in a timely manner';
  assert.deepEqual(news(), [`reconnect timeout ${failure}`, 'reconnect scheduled']);
});

test('an attempt that ended without a word does not stop the procedure later', () => {
  const options = { reconnect: { 'reconnect timeout': 30, min: 10, factor: 10 } };
  const { news, link, connections } = openClient(options);
  link().ended();
  pass(10);
  link().ended();
  news();
  pass(30);
  assert.deepEqual(news(), []);
  pass(200);
  assert.equal(connections.length, 3);
});

test('end() in every state', () => {
  const waiting = fakeClient({ manual: false });
  waiting.primus.end();
  assert.deepEqual(waiting.news(), ['close', 'end']);
  pass(1000);
  assert.equal(waiting.connections.length, 0);

  const opening = fakeClient();
  opening.primus.open();
  opening.news();
  opening.primus.end();
  assert.deepEqual(opening.news(), ['readyStateChange end', 'close', 'end']);
  assert.equal(opening.last().closed, true);

  const open = openClient();
  assert.equal(open.primus.end({ last: 'word' }), open.primus);
  assert.deepEqual(open.last().sent, ['{"last":"word"}']);
  assert.deepEqual(open.news(), ['readyStateChange end', 'close', 'end']);
  open.primus.end();
  assert.deepEqual(open.news(), []);

  const reconnecting = openClient();
  reconnecting.link().ended();
  reconnecting.news();
  reconnecting.primus.end();
  assert.deepEqual(reconnecting.news(), ['end']);
  pass(60_000);
  assert.deepEqual(reconnecting.news(), []);

  const trying = openClient();
  trying.link().ended();
  pass(500);
  trying.news();
  trying.primus.end();
  assert.deepEqual(trying.news(), ['readyStateChange end', 'close', 'end']);

  const closed = fakeClient();
  closed.primus.end();
  assert.deepEqual(closed.news(), []);
});

test('a client that was ended can be opened again', () => {
  const { primus, news, link } = openClient();
  primus.end();
  news();
  primus.open();
  link().opened();
  assert.deepEqual(news(), ['readyStateChange opening', 'readyStateChange open', 'open']);
});

test('destroy() ends, says so, and is done once', () => {
  const { primus, news, last } = openClient();
  const order = [];
  primus.on('destroy', () => order.push('destroy'));
  assert.equal(primus.destroy(), true);
  assert.deepEqual(news(), ['readyStateChange end', 'close', 'end', 'destroy']);
  assert.equal(last().closed, true);
  assert.equal(primus.destroy(), false);
  assert.deepEqual(order, ['destroy']);
  assert.deepEqual(primus.listeners('open'), []);
  for (const name of ['url', 'timers', 'options', 'recovery', 'socket', 'transformers']) {
    assert.equal(primus[name], null);
  }
});

test('destroy() in every state leaves nothing that runs', () => {
  const states = {
    waiting: fakeClient({ manual: false }),
    opening: fakeClient(),
    open: openClient(),
    reconnecting: openClient(),
    trying: openClient(),
  };
  states.opening.primus.open();
  states.reconnecting.link().ended();
  states.trying.link().ended();
  states.trying.primus.recovery.timers.clear();
  for (const client of Object.values(states)) {
    const { link } = client.connections.at(-1) ?? {};
    client.primus.destroy();
    assert.equal(client.news().at(-1), 'destroy');
    link?.opened();
    link?.received('"late"');
    link?.failed(new Error('late'));
    link?.ended();
    pass(60_000);
    assert.deepEqual(client.news(), []);
  }
});

test('a listener may destroy the client upon any event', () => {
  const steps = {
    open: (client) => client.link().opened(),
    'readyStateChange': (client) => client.link().opened(),
    timeout: () => pass(200),
    error: (client) => client.link().failed(new Error('refused')),
    data: (client) => (client.link().opened(), client.link().received('1')),
    close: (client) => (client.link().opened(), client.link().ended()),
    'reconnect scheduled': (client) => (client.link().opened(), client.link().ended()),
    reconnect: (client) => (client.link().opened(), client.link().ended(), pass(500)),
    offline: (client) => (client.link().opened(), pass(45_000)),
    reconnected(client) {
      client.link().opened();
      client.link().ended();
      pass(500);
      client.link().opened();
    },
  };
  for (const [event, step] of Object.entries(steps)) {
    const client = fakeClient({ timeout: 200 });
    client.primus.open();
    client.primus.once(event, () => client.primus.destroy());
    step(client);
    pass(60_000);
    assert.equal(client.log.filter((line) => line === 'destroy').length, 1, event);
    assert.equal(client.log.at(-1), 'destroy', event);
    assert.equal(client.last().closed, true, event);
  }
});

test('an error of a transport while open closes nothing', () => {
  const { primus, news, link } = openClient();
  link().failed('text');
  link().failed({ reason: 'an object', code: 1006 });
  assert.deepEqual(news(), ['error text', 'error an object']);
  primus.once('error', (error) => assert.equal(error.code, 1006));
  link().failed({ reason: 'an object', code: 1006 });
  assert.equal(primus.readyState, Primus.OPEN);
});

test('a transport that throws has failed', () => {
  const failing = () => {
    throw new Error('no such thing');
  };
  const { primus, news } = fakeClient({ transformer: failing, reconnect: { retries: 1 } });
  primus.open();
  const first = ['readyStateChange opening', 'error no such thing', 'reconnect scheduled'];
  assert.deepEqual(news(), first);
  pass(500);
  assert.deepEqual(news(), ['end', 'reconnect failed Unable to recover', 'reconnect']);
});

test('nobody has to listen to errors', () => {
  const { primus, link } = openClient();
  primus.removeAllListeners('error');
  link().failed(new Error('quiet'));
  link().received('{ this is no JSON');
  assert.equal(primus.readyState, Primus.OPEN);
});

test('a client that is ended by its listener of errors does not come back', () => {
  const { primus, news, link } = fakeClient({ strategy: 'timeout' });
  primus.on('error', () => primus.end());
  primus.open();
  link().failed(new Error('refused'));
  pass(60_000);
  const ended = ['readyStateChange end', 'close', 'end'];
  assert.deepEqual(news(), ['readyStateChange opening', 'error refused', ...ended]);
});

test('an error of the connection stops the clock of the first attempt', () => {
  const { primus, news, link } = fakeClient({ strategy: false, timeout: 100 });
  primus.open();
  link().failed(new Error('refused'));
  pass(1000);
  const ended = ['readyStateChange end', 'close', 'end'];
  assert.deepEqual(news(), ['readyStateChange opening', 'error refused', ...ended]);
});

test('without any WebSocket that is said once, and nothing is tried again', (t) => {
  const { WebSocket } = globalThis;
  delete globalThis.WebSocket;
  t.after(() => WebSocket && (globalThis.WebSocket = WebSocket));
  const missing = 'There is no WebSocket: `npm install ws`';
  for (const transformer of ['websockets', 'faye', 'uws', 'engine.io', 'sockjs']) {
    const transport = { transports: ['websocket'] };
    const { primus, news } = fakeClient({ transformer, transport });
    primus.open();
    pass(60_000);
    const ended = ['readyStateChange end', 'close', 'end'];
    assert.deepEqual(news(), ['readyStateChange opening', `error ${missing}`, ...ended]);
    primus.removeAllListeners('error');
    assert.throws(() => primus.open(), { message: missing });
    assert.equal(primus.readyState, Primus.CLOSED);
    pass(60_000);
  }
});
