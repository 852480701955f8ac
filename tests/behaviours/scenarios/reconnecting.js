// A connection is lost, in one way or another, and comes back, or does not.
'use strict';

const assert = require('node:assert/strict');

const { some } = require('../trace');
const {
  ATTEMPT, BREAK, FAILED_ATTEMPT, LOSS, OPENING, RECOVERY, REFUSED,
} = require('./sequences');

module.exports = [
  {
    name: 'a client that the server ends with reconnect comes back',
    expected: [...OPENING, ...LOSS, ...RECOVERY],
    async run(world) {
      const client = await world.open({ reconnect: { min: 120 } });
      client.write({ do: 'end', reconnect: true });
      await client.trace.wait('open', 2);
      return client;
    },
    check(trace) {
      const [attempt] = trace.first('reconnect scheduled').args;
      assert.deepEqual([attempt.attempt, attempt.scheduled, attempt.min], [1, 120, 120]);
      assert.ok(trace.first('reconnected').args[0].duration >= 118);
    },
  },
  {
    name: 'a connection that is reset comes back',
    // Its sessions outlive their connections: see below.
    transformers: ['websockets', 'faye', 'uws', 'engine.io', 'sockjs'],
    expected: [...OPENING, ...BREAK, ...RECOVERY],
    async run(world) {
      const proxy = await world.proxy();
      const client = await world.openThrough(proxy, { reconnect: { min: 50 } });
      proxy.cut();
      await client.trace.wait('open', 2);
      return client;
    },
  },
  {
    name: 'a session of browserchannel outlives its connections',
    transformers: ['browserchannel'],
    expected: [...OPENING, 'data'],
    async run(world) {
      const proxy = await world.proxy();
      const client = await world.openThrough(proxy, { reconnect: { min: 50 } });
      proxy.cut();
      await world.sleep(50);
      client.write({ do: 'write', value: 'still here' });
      await client.trace.wait('data');
      return client;
    },
  },
  {
    name: 'a client comes back as another spark',
    expected: [...OPENING, ...LOSS, ...RECOVERY],
    async run(world) {
      const client = await world.open({ reconnect: { min: 50 } });
      const before = await client.id();
      client.write({ do: 'end', reconnect: true });
      await client.trace.wait('open', 2);
      assert.notEqual(await client.id(), before);
      return client;
    },
  },
  {
    name: 'a procedure that has succeeded starts anew the next time',
    expected: [...OPENING, ...LOSS, ...RECOVERY, ...LOSS, ...RECOVERY],
    async run(world) {
      const client = await world.open({ reconnect: { min: 50 } });
      for (const opens of [2, 3]) {
        client.write({ do: 'end', reconnect: true });
        await client.trace.wait('open', opens);
      }
      return client;
    },
    check(trace) {
      const attempts = trace.all('reconnect scheduled').map(({ args }) => args[0].attempt);
      assert.deepEqual(attempts, [1, 1]);
    },
  },
  {
    name: 'a server that is away is looked for until it is back',
    expected: [...OPENING, ...LOSS, some(...FAILED_ATTEMPT), ...RECOVERY],
    async run(world) {
      const proxy = await world.proxy();
      const reconnect = { min: 200, max: 400, retries: 100 };
      const client = await world.open({ url: proxy.url, reconnect });
      await world.lose(client);
      proxy.refuse();
      proxy.cut();
      await client.trace.wait('reconnect scheduled', 3);
      await proxy.accept();
      await client.trace.wait('open', 2);
      return client;
    },
  },
  {
    name: 'a server that is started again is found',
    expected: [...OPENING, 'data', ...LOSS, some(...FAILED_ATTEMPT), ...RECOVERY, 'data'],
    async run(world) {
      const port = await world.freePort();
      const before = await world.ownServer({ port });
      const proxy = await world.proxy({ port });
      const reconnect = { min: 200, max: 400, retries: 100 };
      const client = await world.openThrough(proxy, { reconnect });
      // Or a client of browserchannel may have no way yet on which it could be told.
      client.write({ do: 'write', value: 'before' });
      await client.trace.wait('data');
      const stopped = before.kill('SIGTERM');
      await client.trace.wait('reconnect scheduled');
      // Or a client that comes back on a connection that is kept alive would be let in again.
      proxy.refuse();
      proxy.cut();
      await Promise.all([stopped, client.trace.wait('reconnect scheduled', 2)]);
      await world.ownServer({ port });
      await proxy.accept();
      await client.trace.wait('open', 2);
      client.write({ do: 'write', value: 'again' });
      await client.trace.wait('data', 2);
      return client;
    },
    check: (trace) => assert.deepEqual(trace.data, ['before', 'again']),
  },
  {
    name: 'retries that are used up are the end',
    expected: [
      // The end is part of the failure, and so comes before it is told.
      ...OPENING, ...LOSS, ...FAILED_ATTEMPT, ...ATTEMPT, 'end', 'reconnect failed', 'state:end',
    ],
    async run(world) {
      const proxy = await world.proxy();
      const reconnect = { min: 200, factor: 1, retries: 2 };
      const client = await world.open({ url: proxy.url, reconnect });
      await world.lose(client);
      proxy.refuse();
      proxy.cut();
      await client.trace.wait('end');
      await world.sleep(200);
      return client;
    },
    check(trace) {
      const attempts = trace.all('reconnect scheduled').map(({ args }) => args[0].attempt);
      assert.deepEqual(attempts, [1, 2]);
      assert.equal(trace.first('reconnect failed').args[1].attempt, 2);
    },
  },
  {
    name: 'an attempt that is not answered fails after its timeout',
    expected: [...OPENING, ...LOSS, ...ATTEMPT, 'reconnect timeout', 'reconnect scheduled'],
    async run(world) {
      const proxy = await world.proxy();
      // The second attempt is far away.
      const reconnect = { min: 200, factor: 500, 'reconnect timeout': 100 };
      const client = await world.open({ url: proxy.url, reconnect });
      await world.lose(client);
      proxy.stall();
      await client.trace.wait('reconnect timeout');
      return client;
    },
    check(trace) {
      trace.assertBetween('reconnect', 'reconnect timeout', 100);
      const [, attempt] = trace.first('reconnect timeout').args;
      assert.equal(attempt['reconnect timeout'], 100);
    },
  },
  {
    name: 'a client that was refused at first opens when its server is there',
    expected: [...REFUSED, ...RECOVERY],
    async run(world) {
      const proxy = await world.proxy();
      proxy.refuse();
      const client = await world.create({ url: proxy.url, reconnect: { min: 200 } });
      await client.trace.wait('reconnect scheduled');
      await proxy.accept();
      await client.trace.wait('open');
      return client;
    },
  },
  {
    name: 'times of reconnect can be given in words',
    expected: [...OPENING, ...LOSS],
    clients: ['npm', 'javascript'],
    async run(world) {
      const times = { min: '1 minute', max: '1 hour', 'reconnect timeout': '90s' };
      const reconnect = { ...times, retries: '7' };
      const client = await world.open({ reconnect });
      await world.lose(client);
      return client;
    },
    check(trace) {
      const [{ min, max, retries, ...others }] = trace.first('reconnect scheduled').args;
      assert.deepEqual([min, max, others['reconnect timeout']], [60_000, 3_600_000, 90_000]);
      assert.equal(retries, 7);
    },
  },
  {
    name: 'the defaults of reconnect are those of the README',
    expected: [...OPENING, ...LOSS, 'end'],
    async run(world) {
      const client = await world.open();
      await world.lose(client);
      client.end();
      return client;
    },
    check(trace) {
      const { start, duration, backoff, ...numbers } = trace.first('reconnect scheduled').args[0];
      assert.ok(Math.abs(start - Date.now()) < 60_000);
      assert.ok(duration === 0 && backoff !== false);
      assert.deepEqual({ ...numbers, max: numbers.max ?? Infinity }, {
        attempt: 1, factor: 2, max: Infinity, min: 500, 'reconnect timeout': 30_000, retries: 10,
        scheduled: 500,
      });
    },
  },
];
