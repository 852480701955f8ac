// Rooms: the calls of primus-rooms and what comes of them, on both servers; and the rooms that a
// stand-alone server opens to clients without code on it, for npm's clients over every transformer.
'use strict';

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const Primus = require('primus');

const { event, events, open, openPlain, sparkId } = require('../clients');
const { differsFromNode, peer, startServer } = require('../server');
const { variants } = require('../variants');
const { load } = require('./plugged');

const NAMES = ['a', 'b', 'c'];

/** A client that has the server call what its application would. */
class Actor {
  constructor(client) {
    Object.assign(this, { client, heard: [], answers: [], echoes: 0 });
    client.on('data', (data) => {
      // A copy, because npm's client runs in a context of its own.
      const copy = structuredClone(data);
      if (Array.isArray(copy) && copy[0] === 'data') this.echoes += 1;
      else if (copy?.answer !== undefined) this.answers.push(copy.answer);
      else this.heard.push(copy);
    });
  }

  /** Returns once the server has done so. */
  async do(call, rest = {}) {
    const echoes = this.echoes + 1;
    this.client.write({ call, ...rest });
    while (this.echoes < echoes) await event(this.client, 'data');
  }

  async ask(call, rest) {
    await this.do(call, rest);
    while (this.answers.length === 0) await event(this.client, 'data');
    return this.answers.shift();
  }

  /** What it has heard of what was done before. */
  async hear() {
    await this.do('nothing');
    return this.heard.splice(0);
  }
}

/** A server with rooms, and three clients with the ids of their sparks. */
async function stage(t) {
  const further = ['--plugins', 'rooms,emitter'];
  const server = await startServer(t, { app: 'scripted', further });
  const actors = {};
  for (const name of NAMES) {
    const client = await open(server);
    actors[name] = Object.assign(new Actor(client), { id: await sparkId(client) });
  }
  return { server, actors };
}

// Who joins what, where a message goes, and who hears it; `ours` where that differs, and why.
const TABLE = [
  ['one room', { a: 'x', b: 'y' }, 'x', 'a'],
  ['the sender, too', { a: 'x', b: 'x' }, 'x', 'ab'],
  ['nobody', { a: 'x' }, 'z', ''],
  ['a list with spaces joins each, once', { a: 'x y', b: 'y', c: 'z' }, 'x y', 'ab'],
  ['an array', { a: ['x', 'y'], b: ['z'] }, ['y', 'z'], 'ab'],
  ['numbers are names', { a: 7, b: '7', c: [8, 7] }, 7, 'abc'],
  ['who is in two of them hears it once', { a: 'x y z' }, ['x', 'y', 'z'], 'a'],
  ['but not these', { a: 'x', b: 'x', c: 'x' }, 'x', 'b', { except: 'ac' }],
  ['no room: whoever is in any', { a: 'x', b: 'y' }, null, 'ab'],
  ['no room, but not these', { a: 'x', b: 'y' }, null, 'b', { except: 'a' }],
  ['a pattern spans everything', { a: 'user:*', b: 'user:jb', c: '*' }, 'user:jb:1', 'ac'],
  ['a pattern may stand for nothing', { a: 'user:*' }, 'user:', 'a'],
  ['several stars', { a: '*:b:*', b: 'a*c*e', c: '**' }, 'a:b:c:d:e', 'abc'],
  ['a star that is written to is a name', { a: 'x*', b: 'xy' }, 'x*', 'a'],
  ['from pattern and name once', { a: 'x* xy *' }, 'xy', 'a'],
  ['a point is a point', { a: 'a.c*' }, 'abc', 'a', { ours: '' }],
  ['a bracket is a bracket', { a: '[ab]*' }, 'a', 'a', { ours: '' }],
  ['a space in an array separates, too', { a: ['x y'] }, 'x', '', { ours: 'a' }],
];

test('a message to rooms reaches who is in one of them', async (t) => {
  const { actors } = await stage(t);
  for (const [what, joined, rooms, heard, { except = '', ours = heard } = {}] of TABLE) {
    for (const [name, names] of Object.entries(joined)) {
      await actors[name].do('join', { rooms: names });
    }
    const ids = [...except].map((name) => actors[name].id);
    await actors.c.do('write', { rooms, except: ids, value: what });
    const expected = peer === 'node' ? heard : ours;
    for (const name of NAMES) {
      const texts = expected.includes(name) ? [what] : [];
      assert.deepEqual(await actors[name].hear(), texts, `${what}: ${name}`);
      await actors[name].do('leaveAll');
      await actors[name].do('events');
      actors[name].answers.length = 0;
    }
  }
});

test('who leaves hears nothing any more, and an end leaves everything', async (t) => {
  const { actors: { a, b, c } } = await stage(t);
  for (const actor of [a, b, c]) await actor.do('join', { rooms: 'x y z*' });
  await a.do('leave', { rooms: ['x', 7] });
  await b.do('leave', { rooms: 'z* y' });
  for (const rooms of ['x', 'y', 'zz']) await c.do('write', { rooms, except: [], value: rooms });
  assert.deepEqual(await a.hear(), ['y', 'zz']);
  assert.deepEqual(await b.hear(), ['x']);
  assert.deepEqual(await b.ask('rooms'), ['x']);
  assert.deepEqual(await c.ask('rooms'), ['x', 'y', 'z*']);
  assert.deepEqual(await c.ask('clients', { rooms: 'x' }), [b.id, c.id].sort());
  assert.equal(await c.ask('isRoomEmpty', { rooms: 'x' }), false);
  assert.equal(await c.ask('isRoomEmpty', { rooms: 'nowhere' }), true);
  assert.deepEqual(await c.ask('clients', { rooms: 'nowhere' }), []);
  await c.do('leaveAll');
  a.client.end();
  b.client.end();
  while (!await c.ask('isRoomEmpty', { rooms: 'y' }));
  while (!await c.ask('isRoomEmpty', { rooms: 'x' }));
});

test('a room that is emptied is left by everybody', async (t) => {
  const { actors: { a, b, c } } = await stage(t);
  for (const actor of [a, b]) await actor.do('join', { rooms: 'x y' });
  await c.do('empty', { rooms: ['x', 'z'] });
  await c.do('write', { rooms: 'x', except: [], value: 'nobody' });
  await c.do('write', { rooms: 'y', except: [], value: 'both' });
  assert.deepEqual([await a.hear(), await b.hear()], [['both'], ['both']]);
  assert.equal(await c.ask('isRoomEmpty', { rooms: 'x' }), true);
  assert.deepEqual(await a.ask('rooms'), ['y']);
});

test('a spark hears of what happens to it, in order', async (t) => {
  const { actors: { a } } = await stage(t);
  await a.do('join', { rooms: ['x', 'y'] });
  await a.do('leave', { rooms: 'x' });
  await a.do('join', { rooms: 7 });
  await a.do('leaveAll');
  const happened = [
    ['joinroom', 'x'],
    ['joinroom', 'y'],
    ['leaveroom', 'x'],
    ['joinroom', '7'],
    ['leaveallrooms', ['7', 'y']],
  ];
  assert.deepEqual(await a.ask('events'), happened);
  // What changes nothing.
  await a.do('join', { rooms: 'x' });
  await a.do('join', { rooms: 'x' });
  await a.do('leave', { rooms: 'nowhere' });
  await a.do('leave', { rooms: 'x' });
  await a.do('leaveAll');
  const changed = [['joinroom', 'x'], ['leaveroom', 'x']];
  const all = [changed[0], changed[0], ['leaveroom', 'nowhere'], changed[1], ['leaveallrooms', []]];
  assert.deepEqual(await a.ask('events'), peer === 'node' ? all : changed);
});

test('send is an event of primus-emitter', async (t) => {
  const { server, actors: { a } } = await stage(t);
  await a.do('join', { rooms: 'x' });
  const socket = await openPlain(server);
  socket.send('{"call":"join","rooms":"x"}');
  await events(socket, 'message');
  const sent = events(socket, 'message');
  await a.do('send', { rooms: 'x', args: ['news', 'hi', { n: 1 }, null] });
  const bytes = '{"type":0,"data":["news","hi",{"n":1},null]}';
  assert.equal(String((await sent)[0]), bytes);
  assert.deepEqual(await a.hear(), [JSON.parse(bytes)]);
});

// From here on: rooms for clients without code on the server.
const ours = differsFromNode('who joins a room is a matter of code there');

const OPEN = [
  '--plugin', 'rooms',
  '--plugin', 'rooms.join=["news","chat:*"]',
  '--plugin', 'rooms.publish=["chat:*"]',
];

/** A client of npm with primus-emit that is open. */
async function emitting(server, options = {}, query = '', authorization = undefined) {
  const { spokenBy, pathname, parser } = server;
  const plugins = load('emit');
  const Socket = Primus.createSocket({
    ...plugins, transformer: spokenBy, pathname, parser, authorization,
  });
  const client = new Socket(server.url + query, options);
  server.afterStop(() => {
    client.end();
    client.recovery.reset();
  });
  await event(client, 'open');
  return client;
}

/** Emits, and resolves with the arguments of the event that comes back. */
async function exchange(client, answer, ...args) {
  const next = events(client, answer);
  client.emit(...args);
  return structuredClone(await next);
}

async function converse(server, options) {
  const [one, other] = [await emitting(server, options), await emitting(server, options)];
  const data = [];
  one.on('data', (value) => data.push(value));
  assert.deepEqual(await exchange(one, 'joinroom', 'join', 'chat:a'), ['chat:a']);
  assert.deepEqual(await exchange(other, 'joinroom', 'join', ['chat:a']), ['chat:a']);
  const refusal = ['secret', 'this room is not open to you'];
  assert.deepEqual(await exchange(one, 'roomserror', 'join', 'secret'), refusal);
  const heard = events(other, 'publish');
  const message = { text: 'hi', n: 1 };
  const published = await exchange(one, 'publish', 'publish', 'chat:a', message);
  for (const args of [published, structuredClone(await heard)]) {
    assert.deepEqual(args, ['chat:a', message]);
  }
  assert.deepEqual(await exchange(other, 'leaveroom', 'leave', 'chat:a'), ['chat:a']);
  const notIn = ['chat:a', 'you are not in this room'];
  assert.deepEqual(await exchange(other, 'roomserror', 'publish', 'chat:a', 1), notIn);
  assert.deepEqual(data, []);
  // All other messages are the application's.
  const echo = event(one, 'data');
  one.write({ emit: 'no event' });
  assert.deepEqual(structuredClone(await echo), { emit: 'no event' });
}

// Whether frames are compressed is nothing to a plugin.
const plain = variants.filter(([name]) => !name.includes('compressed'));

for (const [name, { server, client }] of plain) {
  test(`clients join and publish where they may: ${name}`, ours, async (t) => {
    await converse(await startServer(t, { ...server, further: OPEN }), client);
  });
}

for (const parser of ['ejson', 'msgpack']) {
  test(`clients join and publish where they may: ${parser}, two shards`, ours, async (t) => {
    await converse(await startServer(t, { parser, shards: 2, further: OPEN }));
  });
}

test('with primus-emit on the server it is the same', ours, async (t) => {
  await converse(await startServer(t, { further: ['--plugin', 'emit', ...OPEN] }));
});

test('the claim of a JWT opens rooms', ours, async (t) => {
  const secret = 'a secret of at least thirty-two bytes';
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-rooms-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'secret');
  fs.writeFileSync(file, secret);
  const further = ['--auth-jwt-secret-file', file, '--plugin', 'rooms.claim="rooms"'];
  further.push('--plugin', 'rooms.publish=["*"]', '--plugin', 'rooms.claim-joins=true');
  const server = await startServer(t, { further });
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const member = (rooms) => {
    const claims = { sub: 'ann', exp: Math.floor(Date.now() / 1000) + 600, rooms };
    const message = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
    const signature = createHmac('sha256', secret).update(message).digest('base64url');
    return emitting(server, {}, `/?token=${message}.${signature}`, () => {});
  };
  const ann = await member(['staff', 'team:*']);
  const bob = await member('team:7');
  const heard = events(ann, 'publish');
  assert.deepEqual(await exchange(bob, 'publish', 'publish', 'team:7', 'hi'), ['team:7', 'hi']);
  assert.deepEqual(structuredClone(await heard), ['team:7', 'hi']);
  const refusal = ['staff', 'this room is not open to you'];
  assert.deepEqual(await exchange(bob, 'roomserror', 'join', 'staff'), refusal);
  assert.deepEqual(await exchange(ann, 'joinroom', 'join', 'team:8'), ['team:8']);
});
