// How a client ends, and is destroyed, in each of its states, and that it stays away then.
'use strict';

const assert = require('node:assert/strict');

const { ATTEMPT, ENDING, LOSS, OPENING, PARTING } = require('./sequences');

// How long the last words of a client may take to arrive.
const RECALL_MS_MAX = 3_000;

/** The states of a client: how one comes there, and the events until then. */
const STATES = {
  // Who drives a client in another process is too late for that.
  'before it opens': {
    expected: [], reach: (world) => world.create(), clients: ['npm', 'javascript'],
  },
  'while it opens': { expected: ['state:opening'], reach: reachOpening },
  'when it is open': { expected: OPENING, reach: (world) => world.open() },
  'while it waits to reconnect': { expected: [...OPENING, ...LOSS], reach: reachWaiting },
  'while it reconnects': { expected: [...OPENING, ...LOSS, ...ATTEMPT], reach: reachAttempt },
  'when it has ended': { expected: [...OPENING, ...ENDING], reach: reachEnded },
};

/** The events of an end in each state. */
const ENDS = {
  // The state has not changed yet.
  'before it opens': ['close', 'end'],
  'while it opens': ENDING,
  'when it is open': ENDING,
  'while it waits to reconnect': ['end'],
  'while it reconnects': ENDING,
  'when it has ended': [],
};

module.exports = [
  ...Object.keys(STATES).map(ended),
  ...Object.keys(STATES).map(destroyed),
  {
    name: 'a second end does nothing',
    expected: [...OPENING, ...ENDING],
    async run(world) {
      const client = await world.open();
      client.end();
      client.end();
      await client.trace.wait('end');
      return client;
    },
  },
  {
    name: 'a client is destroyed once',
    expected: [...OPENING, ...ENDING, 'destroy'],
    async run(world) {
      const client = await world.open();
      client.destroy();
      client.destroy();
      await client.trace.wait('destroy');
      return client;
    },
  },
  {
    name: 'the last words of a client arrive',
    expected: [...OPENING, ...ENDING, 'heard'],
    async run(world) {
      const [client, observer] = [await world.open(), await world.open()];
      const key = String(Math.random());
      client.end({ do: 'remember', key, value: true });
      await client.trace.wait('end');
      const isHeard = await recall(observer, key);
      client.trace.add(isHeard ? 'heard' : 'unheard', [], performance.now());
      return client;
    },
  },
  {
    name: 'a client that the server ends does not come back',
    expected: [...OPENING, 'data', ...PARTING],
    async run(world) {
      const client = await world.open({ reconnect: { min: 10 } });
      client.write({ do: 'end', data: 'goodbye' });
      await client.trace.wait('end');
      await world.sleep(100);
      return client;
    },
    check: (trace) => assert.deepEqual(trace.data, ['goodbye']),
  },
  {
    name: 'nothing is heard of a connection that was ended',
    expected: [...OPENING, ...ENDING],
    async run(world) {
      const client = await world.open();
      client.end({ do: 'count', to: 100 });
      await world.sleep(100);
      return client;
    },
  },
];

/** Whether the server comes to know something, in a while. */
async function recall(observer, key) {
  // They may still be on their way: a client of engine.io first finishes its upgrade.
  const deadline = performance.now() + RECALL_MS_MAX;
  for (let asked = 1; performance.now() < deadline; asked += 1) {
    observer.write({ do: 'recall', key });
    await observer.trace.wait('data', asked);
    if (observer.trace.data.at(-1)) return true;
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
  return false;
}

function ended(state) {
  return {
    name: `a client ends ${state}`,
    expected: [...STATES[state].expected, ...ENDS[state]],
    clients: STATES[state].clients,
    async run(world) {
      const client = await STATES[state].reach(world);
      client.end();
      await world.sleep(150);
      return client;
    },
  };
}

function destroyed(state) {
  return {
    name: `a client is destroyed ${state}`,
    expected: [...STATES[state].expected, ...ENDS[state], 'destroy'],
    clients: STATES[state].clients,
    async run(world) {
      const client = await STATES[state].reach(world);
      client.destroy();
      await client.trace.wait('destroy');
      await world.sleep(150);
      return client;
    },
  };
}

async function reachOpening(world) {
  const proxy = await world.proxy();
  proxy.stall();
  const client = await world.create({ url: proxy.url });
  await client.trace.wait('state:opening');
  await proxy.reached();
  return client;
}

async function reachWaiting(world) {
  const client = await world.open({ reconnect: { min: 60_000 } });
  await world.lose(client);
  return client;
}

async function reachAttempt(world) {
  const proxy = await world.proxy();
  // An attempt that goes on after the end fails soon, and the next one would be far away.
  const reconnect = { min: 200, factor: 500, 'reconnect timeout': 60 };
  const client = await world.open({ url: proxy.url, reconnect });
  await world.lose(client);
  proxy.stall();
  await client.trace.wait('reconnect');
  return client;
}

async function reachEnded(world) {
  const client = await world.open();
  client.end();
  await client.trace.wait('end');
  return client;
}
