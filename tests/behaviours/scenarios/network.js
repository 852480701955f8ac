// The host's own word about its network.
'use strict';

const assert = require('node:assert/strict');

const { BREAK, ENDING, OPENING, RECOVERY } = require('./sequences');

const transformers = ['websockets'];

module.exports = [
  {
    name: 'a client ends when its network goes, and comes back with it',
    transformers,
    expected: [
      ...OPENING, 'offline', ...ENDING, 'online', 'reconnect scheduled', ...RECOVERY,
    ],
    async run(world) {
      const client = await world.open({ network: true, reconnect: { min: 50 } });
      client.network(false);
      await client.trace.wait('end');
      client.network(true);
      await client.trace.wait('open', 2);
      return client;
    },
  },
  {
    name: 'a client does not come back with its network without the strategy online',
    transformers,
    expected: [...OPENING, 'offline', ...ENDING, 'online'],
    async run(world) {
      const options = { strategy: 'disconnect', reconnect: { min: 10 } };
      const client = await world.open({ network: true, ...options });
      client.network(false);
      await client.trace.wait('end');
      client.network(true);
      await world.sleep(100);
      return client;
    },
  },
  {
    name: 'a procedure stops when the network goes, and starts anew when it comes',
    transformers,
    expected: [...OPENING, ...BREAK, 'offline', 'end', 'online', 'reconnect scheduled'],
    async run(world) {
      const proxy = await world.proxy();
      const client = await world.open({
        url: proxy.url, network: true, reconnect: { min: 60_000 },
      });
      proxy.cut();
      await client.trace.wait('reconnect scheduled');
      client.network(false);
      await client.trace.wait('end');
      client.network(true);
      await client.trace.wait('reconnect scheduled', 2);
      return client;
    },
    check(trace) {
      const attempts = trace.all('reconnect scheduled').map(({ args }) => args[0].attempt);
      assert.deepEqual(attempts, [1, 1]);
    },
  },
  {
    name: 'a network that is there, or goes twice, is no news',
    transformers,
    expected: [...OPENING, 'offline', ...ENDING],
    async run(world) {
      const client = await world.open({ network: true });
      client.network(true);
      client.network(false);
      client.network(false);
      await client.trace.wait('end');
      return client;
    },
  },
];
