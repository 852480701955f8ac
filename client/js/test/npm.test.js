// Our client beside that of npm primus: the same things happen to both, in an order that nobody
// chose, and all that an application sees must be the same, arguments included.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { Primus } from '../src/primus.js';
import { EVENTS, INTERNAL_EVENTS } from './support/fake.js';
import { npmClient } from './support/npm-client.js';
import { seeded } from './parsers/values.js';

const SCENARIOS = 80;
const STEPS = 60;

const SERVER_CLOSE = '"primus::server::close"';
const MESSAGES = ['"primus::ping::1234"', '"primus::id::abc"', '{"a":1}', '"text"', 'not json'];

// npm's transports pass the events of their sockets on, which ours do not have.
const SOCKET_EVENTS = ['incoming::open', 'incoming::error', 'incoming::end'];

const OPTIONS = [
  {},
  { strategy: 'disconnect' },
  { strategy: 'online , TIMEOUT' },
  { strategy: false },
  { strategy: '' },
  { strategy: ['disconnect', 'timeout'], reconnect: { retries: 3, min: 50, max: 300, factor: 3 } },
  { queueSize: 2, pingTimeout: 700, timeout: 300 },
  { pingTimeout: false, timeout: false, reconnect: { 'reconnect timeout': 400, retries: 2 } },
];

// A world of its own for one client: the network, its sockets, and what the application has seen.
class World {
  log = [];
  sockets = [];
  #handlers = {};

  constructor(makeClass, options) {
    const world = this;
    this.FakeSocket = class {
      static OPEN = 1;
      readyState = 0;
      sent = [];
      constructor(url) {
        this.url = url.replace(/_primuscb=.*/, '');
        world.sockets.push(this);
      }
      send(packet) {
        this.sent.push(packet);
      }
      close() {
        this.readyState = 3;
      }
    };
    this.primus = new (makeClass(this))('http://example.com:8080?user=1', options);
    for (const event of [...EVENTS, ...INTERNAL_EVENTS]) {
      const hasArgs = !SOCKET_EVENTS.includes(event);
      this.primus.on(event, (...args) => {
        this.log.push(hasArgs ? [event, ...args.map(visible)] : [event]);
      });
    }
  }

  addEventListener = (event, handler) => {
    this.#handlers[event] = handler;
  };

  removeEventListener = () => {};

  network(event) {
    this.#handlers[event]?.();
  }

  get socket() {
    return this.sockets.at(-1);
  }

  state() {
    const { primus, sockets } = this;
    const { readyState, online, writable, readable, buffer } = primus;
    const sent = sockets.map((socket) => [socket.url, ...socket.sent]);
    const reconnecting = primus.recovery?.reconnecting();
    return { readyState, online, writable, readable, buffer, reconnecting, sent };
  }
}

// What matters of an argument: neither functions nor the objects of a socket, and no random text.
const visible = (value) => {
  if (value instanceof Error) return value.message;
  if (typeof value === 'function') return 'function';
  if (typeof value !== 'object' || !value) return value;
  const copy = { ...value };
  if (copy.query) copy.query = copy.query.replace(/_primuscb=.*/, '');
  return copy;
};

// What may happen next, given the state of both. An application opens only what is closed.
const actionsFor = ({ primus, socket, disconnected }) => {
  const live = socket && socket.readyState < 2;
  if (disconnected) return ['close'];
  const reconnecting = primus.recovery.reconnecting();
  const actions = ['tick', 'tick', 'longTick', 'write', 'id', 'offline', 'end'];
  // Amid an attempt npm's client would give up for good when that attempt fails; and it would bring
  // back what the application or the server has ended.
  if (!reconnecting && !primus.disconnect) actions.push('online');
  if (primus.readyState === Primus.CLOSED && !reconnecting) actions.push('open');
  if (live && socket.readyState === 0) actions.push('opened', 'opened', 'opened', 'failed');
  if (live && socket.readyState === 1) actions.push('message', 'message', 'error', 'close', 'bye');
  return actions;
};

const perform = (world, action, random) => {
  const { primus, socket } = world;
  if (action === 'write') primus.write({ number: Math.floor(random * 100) });
  if (action === 'id') primus.id((id) => world.log.push(['the id', id]));
  if (action === 'offline' || action === 'online') world.network(action);
  if (action === 'end') primus.end(random < 0.5 ? undefined : 'last');
  if (action === 'open') primus.open();
  if (action === 'message') deliver(socket, MESSAGES[Math.floor(random * MESSAGES.length)]);
  if (action === 'bye') {
    deliver(socket, SERVER_CLOSE);
    world.disconnected = true;
  }
  if (action === 'opened') {
    socket.readyState = 1;
    socket.onopen({ target: socket });
  }
  if (action === 'error' || action === 'failed') {
    socket.onerror({ message: 'broken', error: new Error('broken') });
  }
  if (action === 'failed' || action === 'close') {
    world.disconnected = false;
    socket.readyState = 3;
    socket.onclose({ target: socket });
  }
};

// Amid an attempt to reconnect npm's client comes back after its end; ours does not.
const stayEnded = (ours, npm) => {
  const hasEnded = npm.log.some(([event]) => event === 'end');
  if (hasEnded && !ours.primus.recovery.reconnecting()) npm.primus.recovery.reset();
};

// As text, because npm's client makes its arrays in a world of its own.
const sameText = (value, expected, about) => {
  const [actual, wanted] = [value, expected].map((each) => JSON.stringify(each, null, 1));
  if (actual !== wanted) assert.equal(actual, wanted, `${about}\n${actual}\n${wanted}`);
};

const deliver = (socket, data) => socket.onmessage({ data, target: socket });

const withNetworkOf = (world, run) => {
  const { addEventListener, removeEventListener } = globalThis;
  Object.assign(globalThis, world);
  run();
  Object.assign(globalThis, { addEventListener, removeEventListener });
};

const makeOurs = (world) =>
  class extends Primus {
    constructor(url, options) {
      const { addEventListener, removeEventListener } = world;
      let client;
      withNetworkOf({ addEventListener, removeEventListener }, () => {
        client = new Primus(url, { ...options, WebSocket: world.FakeSocket });
      });
      return client;
    }
  };

const makeNpm = ({ FakeSocket, addEventListener, removeEventListener }) => {
  const window = { addEventListener, removeEventListener };
  const navigator = { onLine: true };
  return npmClient({ WebSocket: FakeSocket, window, navigator, Math });
};

test('whatever happens, an application sees the same', () => {
  for (let seed = 1; seed <= SCENARIOS; seed += 1) {
    mock.timers.reset();
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_700_000_000_000 });
    mock.method(Math, 'random', () => 0.25);
    const random = seeded(seed);
    const options = { ...OPTIONS[seed % OPTIONS.length], network: true };
    const worlds = [makeOurs, makeNpm].map((make) => new World(make, structuredClone(options)));
    const [ours, npm] = worlds;
    const story = [];
    for (let step = 0; step < STEPS; step += 1) {
      const actions = actionsFor(ours);
      const action = actions[Math.floor(random() * actions.length)];
      const chance = random();
      story.push(action);
      if (action === 'tick') mock.timers.tick(Math.floor(chance * 100));
      else if (action === 'longTick') mock.timers.tick(Math.floor(chance * 2000));
      else for (const world of worlds) perform(world, action, chance);
      const about = `seed ${seed}: ${story.join(' ')}`;
      sameText(ours.log, npm.log, about);
      stayEnded(ours, npm);
      sameText(ours.state(), npm.state(), about);
      for (const world of worlds) world.log = [];
    }
    mock.restoreAll();
    assert.deepEqual([ours, npm].map(({ primus }) => primus.destroy()), [true, true]);
    sameText(ours.log, npm.log, `seed ${seed}: destroyed`);
  }
  mock.timers.reset();
});
