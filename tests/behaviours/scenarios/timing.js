// Pings, their absence, and a peer that is silent.
'use strict';

const assert = require('node:assert/strict');

const { EARLY_MS_MAX } = require('../invariants');
const { ATTEMPT, ENDING, LOSS, OPENING } = require('./sequences');

const ping = () => ({ do: 'write', value: `primus::ping::${Date.now()}` });

module.exports = [
  {
    name: 'a server that falls silent is taken for gone',
    expected: [...OPENING, 'offline', ...LOSS],
    async run(world) {
      const proxy = await world.proxy();
      const options = { pingTimeout: 150, reconnect: { min: 60_000 } };
      const client = await world.openThrough(proxy, options);
      proxy.stall();
      await client.trace.wait('reconnect scheduled');
      return client;
    },
    check: (trace) => assert.ok(trace.between('state:open', 'offline') >= 150 - EARLY_MS_MAX),
  },
  {
    name: 'a server that was silent is found again',
    expected: [
      ...OPENING, 'offline', ...LOSS, ...ATTEMPT, 'reconnected', 'online', 'state:open', 'open',
      ...ENDING,
    ],
    async run(world) {
      const proxy = await world.proxy();
      const options = { pingTimeout: 300, reconnect: { min: 50 } };
      const client = await world.openThrough(proxy, options);
      proxy.stall();
      await client.trace.wait('offline');
      proxy.resume();
      await client.trace.wait('open', 2);
      client.end();
      return client;
    },
  },
  {
    name: 'a server that falls silent is the end without the strategy disconnect',
    expected: [...OPENING, 'offline', ...ENDING],
    async run(world) {
      const proxy = await world.proxy();
      const options = { pingTimeout: 150, strategy: 'online, timeout' };
      const client = await world.openThrough(proxy, options);
      proxy.stall();
      await client.trace.wait('end');
      return client;
    },
  },
  {
    name: 'a client that is pinged stays, and is heard',
    expected: OPENING,
    async run(world) {
      const server = await world.ownServer({ pingIntervalMs: 400 });
      const client = await world.open({ url: server.url, pingTimeout: 1_500 });
      await world.sleep(2_000);
      return client;
    },
  },
  {
    name: 'each ping is another while of patience',
    expected: [...OPENING, 'offline', ...LOSS],
    async run(world) {
      const client = await world.open({ pingTimeout: 400, reconnect: { min: 60_000 } });
      for (let pings = 0; pings < 3; pings += 1) {
        client.write(ping());
        await world.sleep(200);
      }
      await client.trace.wait('reconnect scheduled');
      return client;
    },
    // The last ping came 400 ms after the first one at the earliest.
    check: (trace) => assert.ok(trace.between('state:open', 'offline') >= 800 - EARLY_MS_MAX),
  },
  {
    name: 'data is no ping',
    expected: [...OPENING, 'data', 'offline', ...LOSS],
    async run(world) {
      const client = await world.open({ pingTimeout: 300, reconnect: { min: 60_000 } });
      client.write({ do: 'write', value: 1 });
      await client.trace.wait('reconnect scheduled');
      return client;
    },
  },
  {
    name: 'without a pingTimeout a silent server is waited for',
    expected: OPENING,
    async run(world) {
      const proxy = await world.proxy();
      const client = await world.openThrough(proxy, { pingTimeout: false });
      proxy.stall();
      await world.sleep(400);
      return client;
    },
  },
];
