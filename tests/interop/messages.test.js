// What a message may hold, and that each comes back as it went.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { ask, collect, event, open, openPlain, record, text } = require('./clients');
const { differsFromNode, startServer } = require('./server');
const { VALUES } = require('./values');

const KIB = 1024;
const MIB = 1024 * KIB;

for (const [name, value] of Object.entries(VALUES)) {
  test(`values come back as they went: ${name}`, async (t) => {
    const client = await open(await startServer(t));
    assert.deepEqual(await ask(client, value), value);
  });
}

test('half of a cut emoji comes back as it went', async (t) => {
  const client = await open(await startServer(t));
  const cut = '👋'.slice(0, 1);
  assert.equal(await ask(client, cut), cut);
  assert.deepEqual(await ask(client, { [cut]: cut }), { [cut]: cut });
});

test('line separators are escaped on the wire', async (t) => {
  const socket = await openPlain(await startServer(t));
  socket.send('"a\u2028b\u2029c"');
  assert.equal(await text(socket), '"a\\u2028b\\u2029c"');
});

test('strings of 1 MiB come back as they went', async (t) => {
  const client = await open(await startServer(t));
  for (const value of ['x'.repeat(MIB), '👋\u2028'.repeat(MIB / 7), '\n'.repeat(MIB)]) {
    const answer = await ask(client, value);
    // Not assert.equal, which would print a megabyte.
    assert.ok(answer === value, `${answer.length} characters came back of ${value.length}`);
  }
});

test('messages of every length around the boundaries of the frame header come back', async (t) => {
  const client = await open(await startServer(t));
  // Two quotes are added on the wire; the header grows at 126 and at 65,536 bytes.
  const lengths = [0, 1, 122, 123, 124, 125, 126, 65_532, 65_533, 65_534, 65_535, 65_536];
  const answers = collect(client, 'data', lengths.length);
  for (const length of lengths) client.write('x'.repeat(length));
  assert.deepEqual((await answers).map((answer) => answer.length), lengths);
});

test('100,000 messages come back in order', async (t) => {
  const count = 100_000;
  const client = await open(await startServer(t));
  const answers = collect(client, 'data', count, 30_000);
  for (let n = 0; n < count; n += 1) client.write(n);
  const wrong = (await answers).findIndex((value, index) => value !== index);
  assert.equal(wrong, -1);
});

const UNKNOWN = [
  'primus::',
  'primus::x',
  'primus::id',
  'primus::nonsense::1',
  'primus::ping::1',
  'primus::server::close',
];

const ODD_PONGS = [
  'primus::pong::',
  'primus::pong::x',
  'primus::pong::1e400',
  'primus::pong::-1',
];

const NO_JSON = ['{"cut', '', 'undefined', '[1,]', "'quotes'", '"a" "b"', '\u0000', '{"a":1}}'];

test(
  'unknown messages of the protocol never reach the app',
  differsFromNode('it hands them to the app as data, which its README forbids'),
  async (t) => {
    const client = await open(await startServer(t));
    const received = record(client, 'data');
    for (const message of UNKNOWN) client.write(message);
    await ask(client, 'after');
    assert.deepEqual(received, ['after']);
    assert.equal(client.readyState, client.constructor.OPEN);
  },
);

test('a pong that nobody asked for, or that makes no sense, harms nobody', async (t) => {
  const client = await open(await startServer(t));
  const received = record(client, 'data');
  for (const pong of ODD_PONGS) client.write(pong);
  await ask(client, 'after');
  assert.deepEqual(received, ['after']);
});

test('text that is no JSON is an error of its spark, and no more', async (t) => {
  const server = await startServer(t, { app: 'scripted' });
  const socket = await openPlain(server);
  // All in one segment, so that an error that is reported late comes after the counts.
  socket._socket.cork();
  for (const message of NO_JSON) socket.send(message);
  socket.send('{"do":"counts"}');
  socket._socket.uncork();
  const { data, error, disconnection } = JSON.parse(await text(socket));
  assert.deepEqual([data, error, disconnection], [1, NO_JSON.length, 0]);
});

test('a message over maxLength ends its connection alone, with code 1009', async (t) => {
  const maxLength = 1000;
  const server = await startServer(t, { maxLength });
  const bystander = await open(server);
  const socket = await openPlain(server);

  const longest = JSON.stringify('x'.repeat(maxLength - 2));
  socket.send(longest);
  assert.equal(await text(socket), longest);

  socket.send(JSON.stringify('x'.repeat(maxLength - 1)));
  assert.equal(await event(socket, 'close'), 1009);
  assert.equal(await ask(bystander, 'still here'), 'still here');
});

test('fragments that exceed maxLength together end their connection with code 1009', async (t) => {
  const socket = await openPlain(await startServer(t, { maxLength: 1000 }));
  const closed = event(socket, 'close');
  for (let part = 0; part < 11; part += 1) socket.send('x'.repeat(100), { fin: false });
  assert.equal(await closed, 1009);
});
