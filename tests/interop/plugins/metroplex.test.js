// A fleet: Node.js Primus with the plugins from npm and AllSpark, on one Redis. Messages cross both
// ways, and whoever dies is cleaned up by the others.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { afterwards } = require('../afterwards');
const { Client, eventually, OwnRedis, put, startMember } = require('./fleet');

/** Servers of these kinds on one Redis. */
async function fleet(t, kinds, { omega, ...options } = {}) {
  const redis = await OwnRedis.start();
  const start = async (kind) => {
    const metroplex = { redis: redis.url, ...options };
    const member = await startMember(t, kind, { omega, metroplex });
    await member.said(/register http/);
    return member;
  };
  const starts = kinds.map(start);
  try {
    return { redis, members: await Promise.all(starts) };
  } finally {
    await Promise.allSettled(starts);
    // A server that ends unregisters first.
    afterwards(t, () => redis.stop());
  }
}

/** Waits until the registry is so. */
async function registered(redis, expected) {
  let last;
  const is = async () => {
    last = await redis.registry();
    return JSON.stringify(last) === JSON.stringify(expected(last));
  };
  await eventually(is, () => `the registry: ${JSON.stringify(last)}`);
}

/** The registry of servers with these clients. */
function registry(members) {
  const urls = members.map(([{ url }]) => url).sort();
  return (last) => ({
    servers: urls,
    // The order of a hash is nobody's.
    sparks: Object.fromEntries(Object.keys(last.sparks).map((id) => {
      const member = members.find(([, clients]) => clients.some((client) => client.id === id));
      return [id, member?.[0].url];
    })),
    of: Object.fromEntries(urls.map((url) => {
      const [, clients] = members.find(([member]) => member.url === url);
      return [url, clients.map(({ id }) => id).sort()];
    })),
  });
}

async function clients(server, count) {
  const opened = [];
  for (let n = 0; n < count; n += 1) opened.push(await Client.open(server));
  return opened;
}

test('the registry is that of npm, and messages cross both ways', async (t) => {
  const { redis, members: [node, allspark] } = await fleet(t, ['node', 'allspark']);
  const [n, a] = [await clients(node, 2), await clients(allspark, 2)];
  await registered(redis, registry([[node, n], [allspark, a]]));
  for (const [from, to] of [[n, a], [a, n]]) {
    const ids = [...n, ...a].map(({ id }) => id);
    const ask = (command) => from[0].ask(command);
    const other = to[0].server.url;
    assert.deepEqual(await ask({ do: 'servers' }), { done: [other] });
    const where = await ask({ do: 'where', ids: [to[0].id, 'nobody', from[0].id] });
    assert.deepEqual(where, { done: [other, null, from[0].server.url] });
    const one = await ask({ do: 'spark', id: to[1].id, msg: { one: 1 } });
    assert.deepEqual(one, { done: { ok: true, send: 1 } });
    const some = await ask({ do: 'sparks', ids: [...ids, 'nobody'], msg: ['some'] });
    assert.deepEqual(some, { done: { ok: true, send: 4 } });
    assert.deepEqual(await ask({ do: 'broadcast', msg: 'all' }), { done: { ok: true, send: 4 } });
  }
  for (const side of [n, a]) {
    assert.deepEqual(await side[0].got(4), [['some'], 'all', ['some'], 'all']);
    assert.deepEqual(JSON.stringify((await side[1].got(5)).toSorted()),
      JSON.stringify([['some'], ['some'], 'all', 'all', { one: 1 }].toSorted()));
  }
  n[1].end();
  a[0].end();
  await registered(redis, registry([[node, [n[0]]], [allspark, [a[1]]]]));
});

test('messages to rooms go to each server, and sparks are found by the others', async (t) => {
  const omega = { rooms: true };
  const { members: [node, allspark] } = await fleet(t, ['node', 'allspark'], { omega });
  const [n, a] = [await clients(node, 3), await clients(allspark, 3)];
  for (const side of [n, a]) {
    for (const client of side.slice(0, 2)) await client.ask({ do: 'join', room: 'news' });
    await side[2].ask({ do: 'join', room: 'sport' });
  }
  for (const [here, there] of [[n, a], [a, n]]) {
    const server = here[0].server;
    const ask = async (body) => (await put(server, body)).body;
    const sent = (send) => `{"ok":true,"send":${send}}`;
    const nobody = '{ "ok": true, "send":0 }';
    assert.equal(await ask({ msg: 'room', rooms: 'news' }), sent(2));
    const rooms = { msg: 'rooms', rooms: ['news', 'sport', 'news'], except: here[0].id };
    assert.equal(await ask(rooms), sent(2));
    assert.equal(await ask({ msg: 'x', rooms: 'news', except: here.map(({ id }) => id) }), nobody);
    assert.equal(await ask({ msg: 'x', rooms: 'nowhere' }), nobody);
    assert.equal(await ask({ msg: 'x', rooms: [] }), nobody);
    const ids = [here[2].id, there[2].id];
    assert.equal(await ask({ msg: 'ids', sparks: ids }), sent(2));
    assert.equal(await ask({ msg: 'far', sparks: there[0].id }), sent(1));
  }
  for (const side of [n, a]) {
    assert.deepEqual((await side[0].got(2)).toSorted(), ['far', 'room']);
    assert.deepEqual((await side[1].got(2)).toSorted(), ['room', 'rooms']);
    assert.deepEqual((await side[2].got(3)).toSorted(), ['ids', 'ids', 'rooms']);
  }
  // To all, passed on once. Node.js hands its own clients what it passes on, see COMPATIBILITY.md.
  const all = await put(allspark, { msg: 'all' });
  assert.deepEqual([all.status, all.body], [200, '{"ok":true,"send":6}']);
  assert.deepEqual((await a[0].got(3))[2], 'all');
  assert.deepEqual((await n[0].got(3))[2], 'all');
  await put(node, { msg: 'everybody' });
  assert.deepEqual((await a[0].got(4))[3], 'everybody');
});

for (const [dies, lives] of [['node', 'allspark'], ['allspark', 'node']]) {
  test(`${lives} cleans up after ${dies} that was killed`, async (t) => {
    // They look at each other every half second, and believe each other for a minute.
    const timing = { interval: 60_000, latency: 59_500 };
    const { redis, members: [dead, alive] } = await fleet(t, [dies, lives], timing);
    const [d, a] = [await clients(dead, 3), await clients(alive, 1)];
    await registered(redis, registry([[dead, d], [alive, a]]));
    await dead.kill('SIGKILL');
    const lifetime = await redis.client.pttl(`metroplex:${dead.url}`);
    assert.ok(lifetime > 0 && lifetime <= timing.interval, 'its sign of life expires by itself');
    await redis.client.pexpire(`metroplex:${dead.url}`, 1);
    await registered(redis, registry([[alive, a]]));
    assert.equal(await redis.client.hlen('metroplex:sparks'), 1);
    assert.deepEqual(await a[0].ask({ do: 'servers' }), { done: [] });
  });
}

test('a server that ends takes itself and its sparks out', async (t) => {
  const { redis, members: [node, allspark] } = await fleet(t, ['node', 'allspark']);
  const [n, a] = [await clients(node, 1), await clients(allspark, 2)];
  await registered(redis, registry([[node, n], [allspark, a]]));
  assert.deepEqual(await allspark.kill('SIGTERM'), { code: 0, signal: null });
  assert.equal(allspark.timesSaid(/^unregister http/gm), 1);
  assert.deepEqual((await redis.registry()).servers, [node.url]);
  await registered(redis, registry([[node, n]]));
});

test('Redis that was killed, and has forgotten everything, is told anew', async (t) => {
  const { redis, members: [allspark] } = await fleet(t, ['allspark'], { latency: 1000 });
  const before = await clients(allspark, 3);
  await registered(redis, registry([[allspark, before]]));
  await redis.kill();
  assert.match((await before[0].ask({ do: 'servers' })).failed, /can not be asked/);
  await allspark.said(/error /);
  const lost = await before[0].ask({ do: 'sparks', ids: [before[0].id, 'nobody'], msg: 'x' });
  assert.match(lost.failed.message, /can not be reached/);
  assert.deepEqual(await before[0].got(1), ['x'], 'those that are here get it all the same');
  before[2].end();
  const after = await clients(allspark, 2);
  await redis.begin();
  await registered(redis, registry([[allspark, [before[0], before[1], ...after]]]));
  assert.equal(allspark.timesSaid(/^register http/gm), 2);
  assert.equal(allspark.timesSaid(/^error /gm), 1, 'it was told once');
});

test('Redis that refuses is tried again until it does not', async (t) => {
  const { redis, members: [allspark] } = await fleet(t, ['allspark'], { latency: 1000 });
  const refusals = [
    [['CONFIG', 'SET', 'requirepass', 'x'], ['CONFIG', 'SET', 'requirepass', '']],
    [['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
  ];
  const own = [];
  for (const [place, [refuse, relent]] of refusals.entries()) {
    await redis.client.call(...refuse);
    // Whoever has a connection may go on with it, but no new one.
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'NORMAL');
    own.push(await Client.open(allspark));
    const told = () => allspark.timesSaid(/^error /gm) === place + 1;
    await eventually(told, () => `${place + 1} errors`);
    await redis.client.call(...relent);
    await registered(redis, registry([[allspark, own]]));
  }
});

test('who was taken for dead is there again', async (t) => {
  const { redis, members: [allspark] } = await fleet(t, ['allspark']);
  const own = await clients(allspark, 2);
  await registered(redis, registry([[allspark, own]]));
  const keys = await redis.client.keys('metroplex:*');
  await redis.client.del(...keys);
  await registered(redis, registry([[allspark, own]]));
});

test('a thousand sparks that come and go leave a registry that is true', async (t) => {
  const timing = { 'changes-max': 8 };
  const { redis, members: [allspark] } = await fleet(t, ['allspark'], timing);
  // Redis stands still, so that more happens than may wait.
  await redis.client.call('CLIENT', 'PAUSE', '500', 'WRITE');
  const [own, gone] = [await clients(allspark, 30), await clients(allspark, 30)];
  gone.forEach((client) => client.end());
  await registered(redis, registry([[allspark, own]]));
});

test('a server that never gets to Redis serves all the same, and ends at once', async (t) => {
  const redis = 'redis+unix:///nowhere/redis.sock';
  const server = await startMember(t, 'allspark', { metroplex: { redis } });
  const client = await Client.open(server);
  await server.said(/error /);
  assert.match((await client.ask({ do: 'servers' })).failed, /can not be asked/);
  assert.equal((await client.ask({ do: 'broadcast', msg: 1 })).failed.status, 500);
  assert.deepEqual(await client.got(1), [1]);
});
