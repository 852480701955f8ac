// What is written, read and changed on its way.
'use strict';

const assert = require('node:assert/strict');

const values = require('../../interop/values');
const { LOSS, OPENING, RECOVERY } = require('./sequences');

/** What the scripted server answers with `value`. */
const ask = (value) => ({ do: 'write', value });
const times = (count, label) => Array.from({ length: count }, () => label);

const VALUES = Object.values(values.VALUES);
const LARGE = 'x\u2028👋%+&=\u0000"\\'.repeat(50_000);

module.exports = [
  {
    name: 'what is written before the connection is open is sent in order once it is',
    expected: [...OPENING, 'data', 'data', 'data'],
    async run(world) {
      const client = await world.create();
      for (const value of [1, 2, 3]) client.write(ask(value));
      await client.trace.wait('data', 3);
      return client;
    },
    check: (trace) => assert.deepEqual(trace.data, [1, 2, 3]),
  },
  {
    name: 'a full queue drops its oldest message',
    expected: [...OPENING, 'data', 'data'],
    async run(world) {
      const client = await world.create({ queueSize: 2, manual: true });
      for (const value of [1, 2, 3, 4]) client.write(ask(value));
      client.open();
      await client.trace.wait('data', 2);
      return client;
    },
    check: (trace) => assert.deepEqual(trace.data, [3, 4]),
  },
  {
    name: 'what is written while the connection is lost is sent when it is back',
    expected: [...OPENING, ...LOSS, ...RECOVERY, 'data', 'data'],
    async run(world) {
      const client = await world.open({ reconnect: { min: 200 } });
      await world.lose(client);
      for (const value of [1, 2]) client.write(ask(value));
      await client.trace.wait('data', 2);
      return client;
    },
    check: (trace) => assert.deepEqual(trace.data, [1, 2]),
  },
  {
    name: 'values come back as they went',
    expected: [...OPENING, ...times(VALUES.length + 1, 'data')],
    async run(world) {
      const client = await world.open();
      for (const value of [...VALUES, LARGE]) client.write(ask(value));
      await client.trace.wait('data', VALUES.length + 1);
      return client;
    },
    check(trace) {
      assert.deepEqual(trace.data, [...VALUES, LARGE]);
      for (const { args: [value, raw] } of trace.all('data')) {
        assert.deepEqual(JSON.parse(raw), value);
      }
    },
  },
  {
    name: 'a thousand messages come back in order',
    expected: [...OPENING, ...times(1_000, 'data')],
    async run(world) {
      const client = await world.create();
      for (let n = 0; n < 500; n += 1) client.write(ask(n));
      await client.trace.wait('open');
      for (let n = 500; n < 1_000; n += 1) client.write(ask(n));
      await client.trace.wait('data', 1_000);
      return client;
    },
    check: (trace) => assert.deepEqual(trace.data, Array.from({ length: 1_000 }, (_, n) => n)),
  },
  {
    name: 'a message that only looks like one of Primus is data',
    expected: [...OPENING, 'data', 'data'],
    async run(world) {
      const client = await world.open();
      client.write(ask('primus: hello'));
      client.write(ask('a primus::ping::1'));
      await client.trace.wait('data', 2);
      return client;
    },
  },
  {
    name: 'an unknown message of Primus is data',
    expected: [...OPENING, 'data', 'data'],
    async run(world) {
      const client = await world.open();
      client.write(ask('primus::unknown::1'));
      client.write(ask('last'));
      await client.trace.until(() => client.trace.data.at(-1) === 'last');
      return client;
    },
  },
  {
    name: 'the id is that of the spark',
    expected: [...OPENING, 'data'],
    async run(world) {
      const client = await world.open();
      const id = await client.id();
      client.write({ do: 'describe' });
      await client.trace.wait('data');
      assert.equal(client.trace.data[0].id, id);
      return client;
    },
  },
  {
    name: 'the id can be asked for before the connection is open',
    expected: [...OPENING, 'data'],
    async run(world) {
      const client = await world.create();
      const id = await client.id();
      client.write({ do: 'describe' });
      await client.trace.wait('data');
      assert.equal(client.trace.data[0].id, id);
      return client;
    },
  },
  {
    name: 'the query of the URL is that of the spark',
    expected: [...OPENING, 'data'],
    async run(world) {
      const { url } = await world.server();
      const client = await world.open({ url: `${url}/ignored?token=a%20b&x=%F0%9F%91%8B` });
      client.write({ do: 'describe' });
      await client.trace.wait('data');
      return client;
    },
    check(trace) {
      const { query } = trace.data[0];
      assert.deepEqual([query.token, query.x], ['a b', '👋']);
    },
  },
  transformed('incoming', 'drop', [...OPENING, 'data'], ['text']),
  transformed('incoming', 'change', [...OPENING, 'data', 'data', 'data'], [101, 102, 'text']),
  transformed('incoming', 'fail', [...OPENING, 'error', 'error', 'data'], ['text']),
  transformed('outgoing', 'drop', [...OPENING, 'data'], ['text']),
  transformed('outgoing', 'change', [...OPENING, 'data', 'data', 'data'], [101, 102, 'text']),
  transformed('outgoing', 'fail', ['error', 'error', ...OPENING, 'data'], ['text']),
];

/** What a transform makes of the messages 1, 2 and 'text': it minds numbers only. */
function transformed(direction, name, expected, values) {
  return {
    name: `${direction} messages with the transform ${name}`,
    expected,
    async run(world) {
      const client = await world.create({ manual: true });
      client.transform(direction, name);
      for (const value of [1, 2, 'text']) client.write(ask(value));
      client.open();
      await client.trace.wait('data', values.length);
      return client;
    },
    check: (trace) => assert.deepEqual(trace.data, values),
  };
}
