// omega-supreme: what requests are answered, and whom they reach, compared with npm's plugin; and
// messages that one server passes on to another, both ways.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { rawConnection, received, request } = require('../raw');
const { basic, Client, PATH, put, startMember } = require('./fleet');

const RIGHT = { authorization: basic() };
const KINDS = ['node', 'allspark'];

/** What of an answer has to be the same. */
function essence({ status, headers, body }) {
  const named = ['content-type', 'cache-control', 'pragma', 'expires'];
  const told = named.map((name) => [name, headers[name]]);
  return { status, body, ...Object.fromEntries(told.filter(([, value]) => value !== undefined)) };
}

/** Both servers, with two clients each. */
async function both(t, options) {
  const starts = KINDS.map(async (kind) => {
    const server = await startMember(t, kind, options);
    const clients = [await Client.open(server), await Client.open(server)];
    return [kind, { server, clients, ids: clients.map((client) => client.id) }];
  });
  return Object.fromEntries(await Promise.all(starts));
}

const BODIES = [
  ['to all', () => ({ msg: 'hello' })],
  ['to one', ([id]) => ({ msg: { b: 1, a: [null, 1.5, 'ü\u2028'] }, sparks: id })],
  ['to some', (ids) => ({ msg: [1], sparks: ids })],
  ['to one twice', ([id]) => ({ msg: 7, sparks: [id, id] })],
  ['to strangers', ([id]) => ({ msg: true, sparks: ['nobody', id, 'AAAAAAAAAAAAAAAAAAAAA'] })],
  ['to nobody', () => ({ msg: 1, sparks: [] })],
  ['to a stranger', () => ({ msg: 1, sparks: 'nobody' })],
  ['to an empty name', () => ({ msg: 'empty', sparks: '' })],
  ['to a number', () => ({ msg: 'number', sparks: 7 })],
  ['to an object', () => ({ msg: 'object', sparks: { length: 1 } })],
  ['to what is no id', ([id]) => ({ msg: 'x', sparks: [null, {}, [], id, 7] })],
  ['blanks and escapes', () => ' {"msg" :\n "\\u00fc" , "sparks": ""}\t'],
  ['no message', () => ({ sparks: '' })],
  ['0', () => ({ msg: 0 })],
  ['empty text', () => ({ msg: '' })],
  ['false', () => ({ msg: false })],
  ['null', () => ({ msg: null })],
  ['an array', () => [{ msg: 1 }]],
  ['a number', () => '7'],
  ['text', () => '"msg"'],
  ['no body', () => ''],
  ['half a body', () => '{"msg":1'],
  ['two bodies', () => '{"msg":1}{"msg":1}'],
  ['the last of a name counts', () => '{"msg":1,"msg":"last"}'],
];

test('bodies are answered and delivered byte for byte as by npm', async (t) => {
  const members = await both(t);
  for (const [name, body] of BODIES) {
    const answers = {};
    for (const kind of KINDS) {
      const { server, ids } = members[kind];
      answers[kind] = essence(await put(server, body(ids)));
    }
    assert.deepEqual(answers.allspark, answers.node, name);
  }
  for (const { server } of Object.values(members)) await put(server, { msg: 'the end' });
  for (const place of [0, 1]) {
    const count = [13, 8][place];
    const expected = await members.node.clients[place].got(count);
    assert.equal(expected.at(-1), 'the end', JSON.stringify(expected));
    assert.deepEqual(await members.allspark.clients[place].got(count), expected);
  }
});

const HEADS = [
  ['wrong credentials', 'PUT', PATH, { authorization: basic('omega', 'wrong') }],
  ['another scheme', 'PUT', PATH, { authorization: 'Bearer x' }],
  ['case', 'PUT', PATH, { authorization: basic().toLowerCase() }],
  ['none', 'PUT', PATH, {}],
  ['empty', 'PUT', PATH, { authorization: '' }],
  ['another method', 'POST', PATH, RIGHT],
  ['GET', 'GET', PATH, RIGHT],
  ['a query', 'PUT', `${PATH}?`, RIGHT],
  ['a query that says something', 'PUT', `${PATH}?x=1`, RIGHT],
  ['a slash behind', 'PUT', `${PATH}/`, RIGHT],
  ['more slashes', 'PUT', '/primus//omega///supreme', RIGHT],
  ['another path', 'PUT', '/primus/omega', RIGHT],
];

test('who is not meant gets what npm says, too', async (t) => {
  const members = await both(t);
  for (const [name, method, path, headers] of HEADS) {
    const answers = KINDS.map(async (kind) => {
      const body = method === 'GET' ? undefined : '{"msg":1,"sparks":[]}';
      return essence(await request(members[kind].server, method, path, { headers, body }));
    });
    const [node, allspark] = await Promise.all(answers);
    assert.deepEqual(allspark, node, name);
  }
});

test('names of its own, and other parsers', async (t) => {
  const omega = { url: '/primus/push', method: 'post', username: 'ü', password: 'ö:x' };
  const options = { omega, parser: 'msgpack' };
  const members = await both(t, options);
  for (const kind of KINDS) {
    const { server, clients, ids } = members[kind];
    const headers = { authorization: basic('ü', 'ö:x') };
    const body = JSON.stringify({ msg: { at: 1.5 }, sparks: [ids[1]] });
    const answer = await request(server, 'POST', '/primus/push', { headers, body });
    assert.equal(answer.body, '{ "ok": true, "send":1 }', kind);
    assert.deepEqual(await clients[1].got(1), [{ at: 1.5 }], kind);
  }
});

for (const [from, to] of [['allspark', 'node'], ['node', 'allspark'], ['allspark', 'allspark']]) {
  test(`${from} passes messages on to ${to}`, async (t) => {
    const here = await startMember(t, from);
    const there = await startMember(t, to);
    const near = await Client.open(here);
    const far = [await Client.open(there), await Client.open(there)];
    const ids = far.map(({ id }) => id);
    const servers = [there.url];
    const ask = (command) => near.ask({ do: 'forward', servers, ...command });

    assert.deepEqual(await ask({ msg: 'all' }), { done: { ok: true, send: 3 } });
    assert.deepEqual(await ask({ msg: 'one', sparks: ids[0] }), { done: { ok: true, send: 1 } });
    const some = { msg: { some: 1 }, sparks: [...ids, near.id, 'nobody'] };
    assert.deepEqual(await ask(some), { done: { ok: true, send: 3 } });
    const local = { ok: true, send: 1, local: true };
    assert.deepEqual(await ask({ msg: 'near', sparks: [near.id] }), { done: local });
    assert.deepEqual(await ask({ msg: 'near', sparks: near.id }), { done: local });
    assert.deepEqual(await ask({ msg: 'here', servers: [] }), { done: local });
    const nobody = { msg: 'x', servers: [], sparks: ids };
    assert.deepEqual((await ask(nobody)).failed.message, 'No servers provided');

    assert.deepEqual(await near.got(5), ['all', { some: 1 }, 'near', 'near', 'here']);
    assert.deepEqual(await far[0].got(3), ['all', 'one', { some: 1 }]);
    assert.deepEqual(await far[1].got(2), ['all', { some: 1 }]);
  });
}

test('what goes wrong on another server is told', async (t) => {
  const servers = {};
  for (const kind of KINDS) servers[kind] = await startMember(t, kind);
  const other = await startMember(t, 'allspark', { omega: { password: 'another' } });
  const told = {};
  for (const kind of KINDS) {
    const client = await Client.open(servers[kind]);
    told[kind] = (await client.ask({ do: 'forward', servers: [other.url], msg: 'x' })).failed;
    const dead = { do: 'forward', servers: ['http://127.0.0.1:9'], msg: 'x', sparks: ['a'] };
    const { message, ...rest } = (await client.ask(dead)).failed;
    assert.ok(message.length > 0);
    assert.deepEqual(rest, { url: `http://127.0.0.1:9${PATH}`, status: 500, type: 'sparks' }, kind);
  }
  assert.deepEqual(told.allspark, told.node);
  assert.match(told.node.message, /^I am programmed to protect/);
  assert.equal(told.node.status, 401);
});

test('after it was removed nobody is answered any more', async (t) => {
  const server = await startMember(t, 'allspark');
  const client = await Client.open(server);
  assert.equal((await put(server, { msg: 'before' })).status, 200);
  assert.deepEqual(await client.ask({ do: 'plugout', name: 'omega-supreme' }), { done: true });
  assert.equal((await put(server, { msg: 'after' })).status, 426);
  assert.deepEqual(await client.ask({ do: 'plugout', name: 'omega-supreme' }), { done: false });
  assert.deepEqual(client.messages, ['before']);
});

test('bodies that end a Node.js server are refused', async (t) => {
  const server = await startMember(t, 'allspark');
  const invalid = '{ "ok": false, "reason": "invalid data structure" }';
  for (const body of ['null', '['.repeat(1 << 20), `{"msg":${'['.repeat(1 << 20)}`]) {
    const answer = await put(server, body);
    assert.deepEqual([answer.status, answer.body], [500, invalid]);
  }
  const long = await put(server, Buffer.alloc(10 * 1024 * 1024 + 1, ' '));
  assert.equal(long.status, 413);
  assert.equal((await put(server, { msg: 'x'.repeat(5 << 20), sparks: [] })).status, 200);
});

test('100,000 ids, 1,000 wrong passwords and slow bodies: all are served', async (t) => {
  const server = await startMember(t, 'allspark', { shards: 2 });
  const client = await Client.open(server);
  const head = (length, password) => [
    `PUT ${PATH} HTTP/1.1`, 'Host: a', `Authorization: ${basic('omega', password)}`,
    `Content-Length: ${length}`, '', '',
  ].join('\r\n');
  const slow = [];
  for (let count = 0; count < 100; count += 1) {
    const raw = await rawConnection(server);
    raw.write(`${head(20)}{"msg":"sl`);
    slow.push(raw);
  }
  const ids = Array.from({ length: 100_000 }, (_, place) => `nobody-${place}`);
  ids[50_000] = client.id;
  const many = put(server, { msg: 'among many', sparks: ids });
  // In one piece, as they are refused without their bodies being waited for.
  const wrong = await rawConnection(server);
  wrong.write(`${head(2, 'wrong')}{}`.repeat(1000));
  for (let count = 0; count < 50; count += 1) {
    assert.deepEqual(await client.ask({ do: 'id' }), { done: client.id }, 'it is not kept waiting');
  }
  // A pattern would look through everything again and again.
  const refusals = (bytes) => bytes.split('HTTP/1.1 401 ').length - 1;
  await received(wrong, { test: (bytes) => refusals(bytes) === 1000, exec: refusals });
  assert.equal((await many).body, '{ "ok": true, "send":1 }');
  assert.deepEqual(await client.got(1), ['among many']);
  for (const raw of slow) raw.write('ow"}\u0020\u0020\u0020\u0020\u0020\u0020');
  for (const raw of slow) await received(raw, /"send":1 \}$/);
  assert.equal((await client.got(101)).length, 101);
});
