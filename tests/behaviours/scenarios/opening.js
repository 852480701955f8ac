// From the construction of a client to its `open`, and when that does not come.
'use strict';

const assert = require('node:assert/strict');

const { ENDING, OPENING, REFUSED } = require('./sequences');

module.exports = [
  {
    name: 'a client opens by itself',
    expected: OPENING,
    run: (world) => world.open(),
  },
  {
    name: 'a client that is manual opens when it is told to',
    expected: OPENING,
    async run(world) {
      const client = await world.create({ manual: true });
      await world.sleep(50);
      assert.deepEqual(client.trace.labels, []);
      client.open();
      await client.trace.wait('open');
      return client;
    },
  },
  {
    name: 'a client that has ended can be opened again',
    expected: [...OPENING, 'state:end', 'close', 'end', ...OPENING],
    async run(world) {
      const client = await world.open();
      client.end();
      await client.trace.wait('end');
      client.open();
      await client.trace.wait('open', 2);
      return client;
    },
  },
  {
    name: 'a refused connection is tried again with the strategy timeout',
    expected: REFUSED,
    async run(world) {
      const proxy = await world.proxy();
      proxy.refuse();
      const client = await world.create({ url: proxy.url, reconnect: { min: 60_000 } });
      await client.trace.wait('reconnect scheduled');
      return client;
    },
  },
  {
    name: 'a refused connection is the end without the strategy timeout',
    expected: ['state:opening', 'error', 'state:end', 'close', 'end'],
    async run(world) {
      const proxy = await world.proxy();
      proxy.refuse();
      const client = await world.create({ url: proxy.url, strategy: 'disconnect, online' });
      await client.trace.wait('end');
      return client;
    },
  },
  {
    name: 'a server that does not answer is a timeout, and tried again with that strategy',
    expected: ['state:opening', 'timeout', 'reconnect scheduled'],
    async run(world) {
      const proxy = await world.proxy();
      proxy.stall();
      const options = { timeout: 100, reconnect: { min: 60_000 } };
      const client = await world.create({ url: proxy.url, ...options });
      await client.trace.wait('reconnect scheduled');
      return client;
    },
    check: (trace) => trace.assertBetween('state:opening', 'timeout', 100),
  },
  {
    name: 'a server that does not answer is the end without the strategy timeout',
    expected: ['state:opening', 'timeout', 'state:end', 'close', 'end'],
    async run(world) {
      const proxy = await world.proxy();
      proxy.stall();
      const options = { timeout: 100, strategy: 'disconnect' };
      const client = await world.create({ url: proxy.url, ...options });
      await client.trace.wait('end');
      return client;
    },
    check: (trace) => trace.assertBetween('state:opening', 'timeout', 100),
  },
  {
    name: 'without a timeout a client waits for its server',
    expected: ['state:opening'],
    async run(world) {
      const proxy = await world.proxy();
      proxy.stall();
      const client = await world.create({ url: proxy.url, timeout: false });
      await world.sleep(300);
      return client;
    },
  },
  {
    name: 'a connection that breaks while it is opening is an error',
    expected: REFUSED,
    async run(world) {
      const proxy = await world.proxy();
      proxy.stall();
      const client = await world.create({ url: proxy.url, reconnect: { min: 60_000 } });
      while (proxy.connections === 0) await world.sleep(5);
      proxy.cut();
      proxy.refuse();
      await client.trace.wait('reconnect scheduled');
      return client;
    },
  },
  {
    name: 'a refused connection is an error and no more without a timeout',
    expected: ['state:opening', 'error', 'state:end'],
    async run(world) {
      const proxy = await world.proxy();
      proxy.refuse();
      const client = await world.create({ url: proxy.url, timeout: false });
      await client.trace.wait('state:end');
      return client;
    },
  },
  {
    name: 'a client that is not let in tries again with the strategy timeout',
    expected: REFUSED,
    async run(world) {
      const { url } = await world.refuser();
      const client = await world.create({ url, reconnect: { min: 60_000 } });
      await client.trace.wait('state:end');
      return client;
    },
  },
  {
    name: 'a client that is not let in ends without the strategy timeout',
    expected: ['state:opening', 'error', ...ENDING],
    async run(world) {
      const { url } = await world.refuser();
      const client = await world.create({ url, strategy: 'disconnect, online' });
      await client.trace.wait('end');
      return client;
    },
  },
];
