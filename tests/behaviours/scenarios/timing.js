// Pings, their absence, and a peer that is silent.
'use strict';

const assert = require('node:assert/strict');

const { ATTEMPT, ENDING, OPENING } = require('./sequences');

// The transport knows nothing of it.
const SILENCE = ['state:end', 'close', 'reconnect scheduled'];

const ping = () => ({ do: 'write', value: `primus::ping::${Date.now()}` });

module.exports = [
  {
    name: 'a server that falls silent is taken for gone',
    expected: [...OPENING, 'offline', ...SILENCE],
    async run(world) {
      const proxy = await world.proxy();
      const options = { pingTimeout: 150, reconnect: { min: 60_000 } };
      const client = await world.open({ url: proxy.url, ...options });
      proxy.stall();
      await client.trace.wait('reconnect scheduled');
      return client;
    },
    check: (trace) => trace.assertBetween('state:open', 'offline', 150),
  },
  {
    name: 'a server that was silent is found again',
    expected: [
      ...OPENING, 'offline', ...SILENCE, ...ATTEMPT, 'reconnected', 'online', 'state:open', 'open',
      ...ENDING,
    ],
    async run(world) {
      const proxy = await world.proxy();
      const options = { pingTimeout: 300, reconnect: { min: 200 } };
      const client = await world.open({ url: proxy.url, ...options });
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
      const client = await world.open({ url: proxy.url, ...options });
      proxy.stall();
      await client.trace.wait('end');
      return client;
    },
  },
  {
    name: 'a ping is answered',
    expected: [...OPENING, 'data', 'data'],
    async run(world) {
      const server = await world.ownServer();
      const client = await world.open({ url: server.url });
      client.write(ping());
      for (const count of [1, 2]) {
        client.write({ do: 'counts' });
        await client.trace.wait('data', count);
      }
      return client;
    },
    // Its answer overtook the second question, if not the first.
    check: (trace) => assert.equal(trace.data[1].heartbeat, 1),
  },
  {
    name: 'each ping is another while of patience',
    expected: [...OPENING, 'offline', ...SILENCE],
    async run(world) {
      const client = await world.open({ pingTimeout: 1_000, reconnect: { min: 60_000 } });
      for (let pings = 0; pings < 3; pings += 1) {
        client.write(ping());
        await world.sleep(300);
      }
      await client.trace.wait('reconnect scheduled');
      return client;
    },
    // The last ping came 600 ms after the first one at the earliest.
    check: (trace) => trace.assertBetween('state:open', 'offline', 1_600),
  },
  {
    name: 'data is no ping',
    expected: [...OPENING, 'data', 'offline', ...SILENCE],
    async run(world) {
      const client = await world.create({ pingTimeout: 1_000, reconnect: { min: 60_000 } });
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
      const client = await world.open({ url: proxy.url, pingTimeout: false });
      proxy.stall();
      await world.sleep(400);
      return client;
    },
  },
];
