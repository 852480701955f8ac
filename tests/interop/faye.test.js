// What the transformer `faye` adds to WebSocket: its own client, and the drafts before RFC 6455.
//
// package.json holds websocket-driver at 0.7: since 0.8, of November 2026, faye-websocket leaves
// the drafts hixie-75 and hixie-76 out, and could not be asked what they look like.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Client } = require('faye-websocket');

const { collect, countsOnce, event, open, record } = require('./clients');
const { rawConnection, received, request } = require('./raw');
const { differsFromNode, startServer } = require('./server');

test('1,000 messages of its own client come back in order', async (t) => {
  const client = await openClient(await startFaye(t));
  const answers = collect(client, 'message', 1_000);
  for (let n = 0; n < 1_000; n += 1) client.send(`"${n}-é-👋"`);
  const wanted = Array.from({ length: 1_000 }, (_, n) => `"${n}-é-👋"`);
  assert.deepEqual((await answers).map(({ data }) => data), wanted);
});

test('its own client pings, closes and is closed', async (t) => {
  const server = await startFaye(t, { app: 'scripted' });
  const observer = await open(server);
  const client = await openClient(server);
  await new Promise((resolve) => client.ping('p', resolve));
  const closed = event(client, 'close');
  client.close(4_001, 'enough');
  assert.deepEqual(code(await closed), [4_001, 'enough']);
  const counts = await countsOnce(observer, ({ disconnection }) => disconnection > 0);
  assert.deepEqual([counts.connection, counts.disconnection], [2, 1]);

  const ended = await openClient(server);
  const words = record(ended, 'message');
  const goodbye = event(ended, 'close');
  ended.send('{"do":"end","data":"bye"}');
  assert.equal((await goodbye).code, 1000);
  assert.deepEqual(words.map(({ data }) => data), ['"bye"', '"primus::server::close"']);
});

test('a plain request is told to upgrade', async (t) => {
  const answer = await request(await startFaye(t), 'GET', '/primus');
  assert.deepEqual([answer.status, answer.body], [426, 'Upgrade Required']);
});

test('a message over maxLength closes with code 1009', async (t) => {
  const client = await openClient(await startFaye(t, { maxLength: 100 }));
  const closed = event(client, 'close');
  client.send(`"${'x'.repeat(100)}"`);
  assert.equal((await closed).code, 1009);
});

test('hixie-75: no challenge', async (t) => {
  const server = await startFaye(t, { app: 'scripted' });
  const raw = await rawConnection(server);
  raw.write(handshake({ Origin: 'http://x' }));
  const [head] = await received(raw, /^HTTP\/1\.1 101 [^]*?\r\n\r\n/);
  assert.match(head, /^HTTP\/1\.1 101 Web Socket Protocol Handshake\r\n/);
  assert.match(head, /\r\nWebSocket-Origin: http:\/\/x\r\n/i);
  assert.match(head, /\r\nWebSocket-Location: ws:\/\/127\.0\.0\.1\/primus\/\?a=1\r\n/i);
  raw.bytes = '';
  await converse(raw);
  raw.destroy();
  await assertGone(server);
});

for (const [when, isLate, lines] of [
  ['with the handshake', false, {}],
  ['after the handshake', true, {}],
  ['as its body', false, { 'Content-Length': 8 }],
]) {
  test(`hixie-76: the challenge, whose last part comes ${when}`, async (t) => {
    const server = await startFaye(t, { app: 'scripted' });
    const raw = await rawConnection(server);
    const head = handshake({
      Origin: 'http://x',
      'Sec-WebSocket-Key1': KEYS.first,
      'Sec-WebSocket-Key2': KEYS.second,
      ...lines,
    });
    if (isLate) {
      raw.write(head);
      await received(raw, /\r\n\r\n$/);
      raw.write(KEYS.third);
    } else {
      raw.write(Buffer.concat([head, KEYS.third]));
    }
    const [answer] = await received(raw, /^HTTP\/1\.1 101 [^]*?\r\n\r\n[^]{16}/);
    assert.match(answer, /\r\nSec-WebSocket-Origin: http:\/\/x\r\n/i);
    assert.match(answer, /\r\nSec-WebSocket-Location: ws:\/\/127\.0\.0\.1\/primus\/\?a=1\r\n/i);
    assert.equal(answer.slice(-16), KEYS.answer);
    raw.bytes = '';
    await converse(raw);
    // An empty frame of the other kind says goodbye, and is answered by the same.
    raw.write(Buffer.from([0xff, 0x00]));
    await received(raw, /^\xff\x00$/);
    await assertGone(server);
  });
}

test('a subprotocol is neither chosen nor looked at', async (t) => {
  const server = await startFaye(t);
  for (const list of ['a, b', 'a,,b', '', 'a b', 'a,a', 'a;q=1', '(']) {
    const raw = await rawConnection(server);
    raw.write(hybi('13', { 'Sec-WebSocket-Protocol': list }));
    const [head] = await received(raw, /^HTTP\/1\.1 [^]*?\r\n\r\n/);
    assert.match(head, /^HTTP\/1\.1 101 /, list);
    assert.doesNotMatch(head, /Sec-WebSocket-Protocol/i);
  }
});

test('a version of hybi that nobody knows is refused', async (t) => {
  const raw = await rawConnection(await startFaye(t));
  raw.write(hybi('14'));
  const words = 'Unsupported WebSocket version: 14';
  const [answer] = await received(raw, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\n.*: 14$/);
  assert.ok(answer.endsWith(`\r\n${words}`), answer);
});

test(
  'versions 7 and 8, whose framing is that of RFC 6455, are spoken',
  differsFromNode('it refuses them, although Firefox 6 to 10 say 7 and 8'),
  async (t) => {
    for (const version of ['7', '8']) {
      const raw = await rawConnection(await startFaye(t));
      raw.write(hybi(version));
      await received(raw, /^HTTP\/1\.1 101 [^]*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=[^]*\r\n\r\n$/);
      // The text `1`, masked with zeros.
      raw.write(Buffer.from('818100000000' + '31', 'hex'));
      await received(raw, /\x81\x011$/);
    }
  },
);

test(
  'an upgrade to something else, and a key that is none, are told so',
  differsFromNode('it cuts the first off and does not look at the second'),
  async (t) => {
    const server = await startFaye(t);
    for (const headers of [{ Upgrade: 'h2c' }, { 'Sec-WebSocket-Key': 'AQIDBA==' }]) {
      const raw = await rawConnection(server);
      raw.write(hybi('13', headers));
      await received(raw, /^HTTP\/1\.1 400 /);
    }
  },
);

// Those of the draft's own example (draft-ietf-hybi-thewebsocketprotocol-00, 1.2).
const KEYS = {
  first: '4 @1  46546xW%0l 1 5',
  second: '12998 5 Y3 1  .P00',
  third: Buffer.from('^n:ds[4U'),
  answer: '8jKS\'y:G*Co,Wxa-',
};

/** Messages of the drafts stand between 0x00 and 0xff. Leaves nothing in `raw.bytes`. */
async function converse(raw) {
  const message = (text) => Buffer.concat([Buffer.of(0), Buffer.from(text), Buffer.of(0xff)]);
  raw.write(message('{"do":"write","value":"é"}'));
  await received(raw, /^\x00"\xc3\xa9"\xff$/);
  raw.bytes = '';
  // Two at once, and one in pieces.
  const [one, two] = [message('{"do":"write","value":1}'), message('{"do":"write","value":2}')];
  raw.write(Buffer.concat([one, two, one.subarray(0, 9)]));
  await received(raw, /^\x001\xff\x002\xff$/);
  raw.write(one.subarray(9));
  await received(raw, /^\x001\xff\x002\xff\x001\xff$/);
  raw.bytes = '';
}

async function assertGone(server) {
  const observer = await open(server);
  const counts = await countsOnce(observer, ({ disconnection }) => disconnection > 0);
  assert.deepEqual([counts.connection, counts.disconnection], [2, 1]);
}

function startFaye(t, options = {}) {
  return startServer(t, { ...options, transformer: 'faye' });
}

async function openClient(server) {
  const client = new Client(server.webSocketUrl);
  server.afterStop(() => client.close());
  await event(client, 'open');
  return client;
}

function hybi(version, headers) {
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  return handshake({ 'Sec-WebSocket-Key': key, 'Sec-WebSocket-Version': version, ...headers });
}

function handshake(headers) {
  const all = { Host: '127.0.0.1', Upgrade: 'WebSocket', Connection: 'Upgrade', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET /primus/?a=1 HTTP/1.1\r\n${lines.join('')}\r\n`);
}

function code({ code: number, reason }) {
  return [number, reason];
}
