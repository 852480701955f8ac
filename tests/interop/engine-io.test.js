// engine.io without Primus: its own client, and requests by hand.
'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { gunzipSync } = require('node:zlib');
const { Socket } = require('engine.io-client');
const WebSocket = require('ws');

const { collect, countsOnce, event, events, open, openPlain, record, text } = require('./clients');
const { begin, postSlowly, rawConnection, received, request } = require('./raw');
const { differsFromNode, startServer } = require('./server');

const POLLING = '/primus/?EIO=4&transport=polling';
const POLLING_3 = '/primus/?EIO=3&transport=polling&b64=1';

const TRANSPORTS = {
  'by polling alone': ['polling'],
  'by WebSocket alone': ['websocket'],
  'by polling and then WebSocket': ['polling', 'websocket'],
};

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`1,000 messages come back in order ${name}`, async (t) => {
    const client = await openClient(await startEngine(t), transports);
    const answers = collect(client, 'message', 1_000);
    const upgraded = transports.length > 1 && event(client, 'upgrade');
    for (let n = 0; n < 1_000; n += 1) {
      client.send(String(n));
      // Some go before, some during and some after the upgrade.
      if (n % 250 === 0) await new Promise(setImmediate);
    }
    assert.deepEqual((await answers).map(Number), Array.from({ length: 1_000 }, (_, n) => n));
    await upgraded;
    assert.equal(client.transport.name, transports.at(-1));
  });

  test(`engine.io's own pings keep a client ${name}`, async (t) => {
    // Together the pings take longer than the server waits for an answer to one of them.
    const transport = { pingInterval: 100, pingTimeout: 2_000 };
    const client = await openClient(await startEngine(t, { transport }), transports);
    const closes = record(client, 'close');
    await collect(client, 'ping', 25);
    client.send('"still here"');
    assert.equal(await event(client, 'message'), '"still here"');
    assert.deepEqual(closes, []);
  });

  test(`a client that closes is gone, and one that is ended knows it, ${name}`, async (t) => {
    const server = await startEngine(t, { app: 'scripted' });
    const observer = await open(server);
    const client = await openClient(server, transports);
    client.close();
    const counts = await countsOnce(observer, ({ disconnection }) => disconnection > 0);
    assert.deepEqual([counts.connection, counts.disconnection], [2, 1]);

    const ended = await openClient(server, transports);
    const received = record(ended, 'message');
    const closed = event(ended, 'close');
    ended.send('{"do":"end","data":"bye"}');
    await closed;
    assert.deepEqual(received, ['"bye"', '"primus::server::close"']);
  });
}

test('the handshake names what the server was told', async (t) => {
  const transport = { pingInterval: 1_234, pingTimeout: 567, cookie: true };
  const server = await startEngine(t, { transport, maxLength: 9_999 });
  const answer = await request(server, 'GET', POLLING);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'text/plain; charset=UTF-8');
  const { sid, ...rest } = JSON.parse(/^0(\{.*\})$/.exec(answer.body)[1]);
  assert.match(sid, /^[\w-]{20,22}$/);
  assert.deepEqual(answer.headers['set-cookie'], [`io=${sid}; Path=/; HttpOnly; SameSite=Lax`]);
  const intervals = { pingInterval: 1_234, pingTimeout: 567 };
  assert.deepEqual(rest, { upgrades: ['websocket'], ...intervals, maxPayload: 9_999 });
});

test('packets of one request come back in one answer', async (t) => {
  const server = await startEngine(t);
  const path = await handshake(server);
  const post = await request(server, 'POST', path, { body: '4"é 👋"\x1e4[1]\x1e4null' });
  assert.deepEqual([post.status, post.body], [200, 'ok']);
  assert.equal(post.headers['content-type'], 'text/html');
  assert.equal(post.headers['set-cookie'], undefined);
  const poll = await request(server, 'GET', path);
  assert.deepEqual([poll.status, poll.body], [200, '4"é 👋"\x1e4[1]\x1e4null']);
});

test(
  'a body that is not UTF-8 ends the session',
  differsFromNode('it replaces what is none, and hands on what nobody has sent'),
  async (t) => {
    const server = await startEngine(t);
    const path = await handshake(server);
    const body = Buffer.from('342261ff22', 'hex');
    await request(server, 'POST', path, { body });
    assert.deepEqual(await refusal(server, 'GET', path), [400, 1, 'Session ID unknown']);
  },
);

test(
  'a message with the byte that separates packets harms nobody who polls',
  differsFromNode('it sends the byte as it is, and its clients end for what is behind it'),
  async (t) => {
    const options = { transformer: 'any', app: 'broadcast', parser: 'raw' };
    const server = await startServer(t, options);
    const clients = [await openClient(server, ['polling']), await openClient(server, ['polling'])];
    const closes = clients.map((client) => record(client, 'close'));
    const stranger = await openPlain(server);
    for (const message of ['a\x1enonsense', '\x1e1', 'goodbye']) {
      const came = clients.map((client) => event(client, 'message'));
      stranger.send(message);
      const received = (await Promise.all(came)).map((data) => Buffer.from(data).toString());
      assert.deepEqual(received, [message, message]);
    }
    assert.deepEqual(closes, [[], []]);
  },
);

test('a poll waits for a message, and a ping is one', async (t) => {
  const transport = { pingInterval: 100, pingTimeout: 5_000 };
  const server = await startEngine(t, { transport });
  const path = await handshake(server);
  assert.equal((await request(server, 'GET', path)).body, '2');
  await request(server, 'POST', path, { body: '3' });
  assert.equal((await request(server, 'GET', path)).body, '2');
});

test('a client that does not answer a ping is forgotten', async (t) => {
  // Enough for the first poll of a client that is slow.
  const transport = { pingInterval: 50, pingTimeout: 2_000 };
  const server = await startEngine(t, { app: 'scripted', transport });
  const path = await handshake(server);
  assert.equal((await request(server, 'GET', path)).body, '2');
  const last = await request(server, 'GET', path);
  // Either this poll was there to see the end, or it came after it.
  if (last.status === 200) assert.equal(last.body, '1');
  assert.deepEqual(await refusal(server, 'GET', path), [400, 1, 'Session ID unknown']);
});

test('a second poll at the same time ends the session', async (t) => {
  const server = await startEngine(t);
  const path = await handshake(server);
  const polls = [begin(server, 'GET', path), begin(server, 'GET', path)];
  const answers = await Promise.all(polls.map(async (poll) => {
    const answer = await poll;
    await answer.ended;
    return [answer.status, answer.body];
  }));
  // Which of them the server reads first is not said.
  assert.deepEqual(answers.sort(), [[200, '1'], [400, '']]);
  assert.deepEqual(await refusal(server, 'GET', path), [400, 1, 'Session ID unknown']);
});

test('messages are compressed for clients that offer it, if compression is on', async (t) => {
  const message = `"${'x'.repeat(2_000)}"`;
  for (const compression of [true, false]) {
    const server = await startEngine(t, { compression });
    const url = server.url.replace('http', 'ws') + '/primus/?EIO=4&transport=websocket';
    const socket = new WebSocket(url);
    server.afterStop(() => socket.terminate());
    await text(socket);
    assert.match(socket.extensions, compression ? /^permessage-deflate/ : /^$/);
    const before = socket._socket.bytesRead;
    socket.send(`4${message}`);
    assert.equal(await text(socket), `4${message}`);
    assert.equal(socket._socket.bytesRead - before < message.length, compression);

    const path = await handshake(server);
    await request(server, 'POST', path, { body: `4${message}` });
    const headers = { 'accept-encoding': 'gzip, deflate' };
    const poll = await request(server, 'GET', path, { headers, encoding: 'latin1' });
    assert.equal(poll.headers['content-encoding'], compression ? 'gzip' : undefined);
    const body = Buffer.from(poll.body, 'latin1');
    assert.equal(String(compression ? gunzipSync(body) : body), `4${message}`);
  }
});

test('the options of compression have the names of the package', async (t) => {
  const transport = { perMessageDeflate: true, httpCompression: false };
  const server = await startEngine(t, { transport });
  const url = server.url.replace('http', 'ws') + '/primus/?EIO=4&transport=websocket';
  const socket = new WebSocket(url);
  server.afterStop(() => socket.terminate());
  await text(socket);
  assert.match(socket.extensions, /^permessage-deflate/);
  const path = await handshake(server);
  await request(server, 'POST', path, { body: `4"${'x'.repeat(2_000)}"` });
  const poll = await request(server, 'GET', path, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(poll.headers['content-encoding'], undefined);
});

// The kernel chooses the shard of a connection, so several are tried.
const SEVERAL = { shards: 4, rounds: 12 };

for (const { shards, rounds } of [{ shards: 1, rounds: 1 }, SEVERAL]) {
  test(`a second body while one is coming ends the session, shards: ${shards}`, async (t) => {
    const server = await startEngine(t, { shards });
    for (let round = 0; round < rounds; round += 1) {
      const path = await handshake(server);
      const first = await beginPost(server, path, 10);
      const second = await beginPost(server, path, 10);
      await received(second, /^HTTP\/1\.1 400 /);
      first.write('x'.repeat(5));
      assert.deepEqual(await refusal(server, 'GET', path), [400, 1, 'Session ID unknown']);
    }
  });

  test(`a body that is cut off ends the session, shards: ${shards}`, async (t) => {
    const server = await startEngine(t, { app: 'scripted', shards });
    const observer = await open(server);
    for (let round = 1; round <= rounds; round += 1) {
      const path = await handshake(server);
      const poll = await beginPoll(server, path);
      const raw = await beginPost(server, path, 10);
      if (round % 2) raw.destroy();
      else raw.resetAndDestroy();
      // Either the poll was there to see the end, or it came after it.
      await received(poll, /\r\n\r\n1$|Session ID unknown/);
      const counts = await countsOnce(observer, ({ disconnection }) => disconnection >= round);
      assert.deepEqual([counts.connection, counts.disconnection], [1 + round, round]);
      assert.deepEqual(await refusal(server, 'GET', path), [400, 1, 'Session ID unknown']);
    }
  });
}

for (const isChunked of [false, true]) {
  const how = isChunked ? 'in chunks' : 'by its length';
  test(`a body that comes slowly arrives whole wherever it begins, ${how}`, async (t) => {
    const server = await startEngine(t, { shards: SEVERAL.shards });
    const path = await handshake(server);
    for (let round = 0; round < SEVERAL.rounds; round += 1) {
      const raw = await rawConnection(server);
      const message = `4"${round} ${'x'.repeat(round * 9_000)}"`;
      const body = isChunked ? chunked(message) : message;
      const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
      await postSlowly(raw, path, framing, body);
      // Another request behind it.
      raw.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const [, answer] = await received(raw, /\r\n\r\nok[^]*\r\n\r\n(4.*")$/);
      assert.equal(answer, message);
      raw.destroy();
    }
  });
}

for (const [what, body] of [['a close packet', '1'], ['nonsense', 'nonsense']]) {
  test(`${what} ends the session`, async (t) => {
    const server = await startEngine(t);
    const path = await handshake(server);
    assert.equal((await request(server, 'POST', path, { body })).status, 200);
    assert.deepEqual(await refusal(server, 'GET', path), [400, 1, 'Session ID unknown']);
  });
}

test('requests that make no sense are refused in the words of engine.io', async (t) => {
  const unknown = '&sid=AAAAAAAAAAAAAAAAAAAA';
  const refusals = [
    ['GET', '/primus', 0, 'Transport unknown'],
    ['GET', '/primus/?EIO=4&transport=pigeon', 0, 'Transport unknown'],
    ['GET', POLLING + unknown, 1, 'Session ID unknown'],
    ['POST', POLLING + unknown, 1, 'Session ID unknown'],
    ['GET', `${POLLING}&sid=short`, 1, 'Session ID unknown'],
    ['POST', POLLING, 2, 'Bad handshake method'],
    ['PUT', POLLING, 2, 'Bad handshake method'],
    ['GET', '/primus/?EIO=4&transport=websocket', 3, 'Bad request'],
    ['GET', POLLING_3, 5, 'Unsupported protocol version'],
    ['GET', '/primus/?transport=polling', 5, 'Unsupported protocol version'],
  ];
  const server = await startEngine(t);
  for (const [method, path, code, message] of refusals) {
    assert.deepEqual(await refusal(server, method, path), [400, code, message], path);
  }
});

test('a body over maxHttpBufferSize is refused with 413', async (t) => {
  const server = await startEngine(t, { transport: { maxHttpBufferSize: 100 } });
  const path = await handshake(server);
  const answer = await request(server, 'POST', path, { body: `4"${'x'.repeat(200)}"` });
  assert.equal(answer.status, 413);
});

test('without allowUpgrades no upgrade is offered', async (t) => {
  const server = await startEngine(t, { transport: { allowUpgrades: false } });
  const answer = await request(server, 'GET', POLLING);
  assert.deepEqual(JSON.parse(answer.body.slice(1)).upgrades, []);
  const client = await openClient(server, ['polling', 'websocket']);
  client.send('1');
  assert.equal(await event(client, 'message'), '1');
  assert.equal(client.transport.name, 'polling');
});

test('transports that are not listed are unknown', async (t) => {
  const server = await startEngine(t, { transport: { transports: 'websocket' } });
  assert.deepEqual(await refusal(server, 'GET', POLLING), [400, 0, 'Transport unknown']);
  const client = await openClient(server, ['websocket']);
  client.send('1');
  assert.equal(await event(client, 'message'), '1');
});

test('an upgrade by hand: probe, release of the poll, and everything after on it', async (t) => {
  const server = await startEngine(t);
  const path = await handshake(server);
  const poll = begin(server, 'GET', path);
  const socket = await openSocket(server, path.replace('polling', 'websocket'));
  socket.send('2probe');
  assert.equal(await text(socket), '3probe');
  // engine.io releases the poll with a noop, so that the client has nothing under way.
  const released = await poll;
  await released.ended;
  assert.equal(released.body, '6');
  await request(server, 'POST', path, { body: '4"by polling"' });
  const messages = collect(socket, 'message', 2);
  socket.send('5');
  socket.send('4"by WebSocket"');
  assert.deepEqual((await messages).map(String), ['4"by polling"', '4"by WebSocket"']);
  assert.deepEqual(await refusal(server, 'GET', path), [400, 3, 'Bad request']);
});

test('an upgrade that does not begin with a probe closes the WebSocket alone', async (t) => {
  const server = await startEngine(t);
  const path = await handshake(server);
  const socket = await openSocket(server, path.replace('polling', 'websocket'));
  const closed = event(socket, 'close');
  socket.send('4"too early"');
  await closed;
  await request(server, 'POST', path, { body: '4"still here"' });
  assert.equal((await request(server, 'GET', path)).body, '4"still here"');
});

test('an upgrade that is not finished in time is given up', async (t) => {
  const server = await startEngine(t, { transport: { upgradeTimeout: 2_000 } });
  const path = await handshake(server);
  const socket = await openSocket(server, path.replace('polling', 'websocket'));
  const closed = event(socket, 'close');
  socket.send('2probe');
  assert.equal(await text(socket), '3probe');
  await closed;
  await request(server, 'POST', path, { body: '4"still here"' });
  // The upgrade may have left a noop behind.
  const polls = [await request(server, 'GET', path)];
  if (polls[0].body === '6') polls.push(await request(server, 'GET', path));
  assert.equal(polls.at(-1).body, '4"still here"');
});

test('a WebSocket for an unknown session is told so and closed', async (t) => {
  const server = await startEngine(t);
  const path = '/primus/?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA';
  const socket = new WebSocket(server.url.replace('http', 'ws') + path);
  const [, response] = await events(socket, 'unexpected-response');
  assert.equal(response.statusCode, 400);
  assert.equal(response.headers['content-type'], 'text/html');
  assert.equal((await response.toArray()).join(''), 'Session ID unknown');
});

test('a script tag polls by j, with its own quoting', async (t) => {
  const server = await startEngine(t);
  const opened = await request(server, 'GET', `${POLLING}&j=7`);
  const packet = JSON.parse(/^___eio\[7\]\((".*")\);$/.exec(opened.body)[1]);
  const path = `${POLLING}&j=7&sid=${JSON.parse(packet.slice(1)).sid}`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = `d=${encodeURIComponent('4"a\\\\nb"\x1e4"\u2028"')}`;
  await request(server, 'POST', path, { headers, body });
  const { body: script } = await request(server, 'GET', path);
  const quoted = /^___eio\[7\]\((".*")\);$/.exec(script)[1];
  assert.equal(JSON.parse(quoted), '4"a\\nb"\x1e4"\\u2028"');
});

describe('protocol 3, where it is allowed', () => {
  const transport = { allowEIO3: true };

  test('packets are counted in UTF-16 units, and the client pings', async (t) => {
    const server = await startEngine(t, { transport });
    const path = await handshake3(server);
    await request(server, 'POST', path, { body: '1:26:4"é👋"' });
    assert.equal((await request(server, 'GET', path)).body, '1:36:4"é👋"');
    await request(server, 'POST', path, { body: '1:2' });
    assert.equal((await request(server, 'GET', path)).body, '1:3');
  });

  test('a session keeps its protocol', async (t) => {
    const server = await startEngine(t, { transport });
    const path = (await handshake3(server)).replace('EIO=3', 'EIO=4');
    assert.deepEqual(await refusal(server, 'GET', path), [400, 3, 'Bad request']);
  });

  test('an upgrade by hand', async (t) => {
    const server = await startEngine(t, { transport });
    const path = await handshake3(server);
    const poll = begin(server, 'GET', path);
    const socket = await openSocket(server, path.replace('polling', 'websocket'));
    socket.send('2probe');
    assert.equal(await text(socket), '3probe');
    const released = await poll;
    await released.ended;
    assert.equal(released.body, '1:6');
    socket.send('5');
    socket.send('4"by WebSocket"');
    assert.equal(await text(socket), '4"by WebSocket"');
    socket.send('2');
    assert.equal(await text(socket), '3');
  });

  test('a WebSocket from the first', async (t) => {
    const server = await startEngine(t, { transport });
    const socket = await openSocket(server, '/primus/?EIO=3&transport=websocket', false);
    const opened = await text(socket);
    assert.match(opened, /^0\{"sid":"[\w-]+","upgrades":\[\]/);
    socket.send('4"x"');
    assert.equal(await text(socket), '4"x"');
  });
});

function startEngine(t, options = {}) {
  return startServer(t, { ...options, transformer: 'engine.io' });
}

async function openClient(server, transports) {
  const client = new Socket(server.url, { path: '/primus', transports });
  server.afterStop(() => client.close());
  await event(client, 'open');
  return client;
}

/** Opens a session by polling, and answers with the path of its further requests. */
async function handshake(server) {
  const { body } = await request(server, 'GET', POLLING);
  return `${POLLING}&sid=${JSON.parse(body.slice(1)).sid}`;
}

async function handshake3(server) {
  const { body } = await request(server, 'GET', POLLING_3);
  const [, length, packet] = /^(\d+):0(\{.*?\})/.exec(body);
  assert.equal(Number(length), packet.length + 1);
  return `${POLLING_3}&sid=${JSON.parse(packet).sid}`;
}

/** A connection on which a body is coming, of which half has come. The server knows of it. */
async function beginPost(server, path, length) {
  const raw = await rawConnection(server);
  const lines = [`POST ${path} HTTP/1.1`, 'Host: a', `Content-Length: ${length}`];
  raw.write([...lines, 'Expect: 100-continue', '', ''].join('\r\n'));
  const [begun] = await received(raw, /^HTTP\/1\.1 (100 Continue\r\n\r\n|400 )/);
  if (begun.endsWith('\n')) {
    // The answer itself may have come with it.
    raw.bytes = raw.bytes.slice(begun.length);
    raw.write('4'.repeat(length / 2));
  }
  return raw;
}

/** A body in chunks of all sizes, with an extension and a trailer. */
function chunked(body) {
  let text = '';
  for (let at = 0, size = 1; at < body.length; at += size, size *= 2) {
    const chunk = body.slice(at, at + size);
    text += `${chunk.length.toString(16)};a=b\r\n${chunk}\r\n`;
  }
  return `${text}0\r\nA: b\r\n\r\n`;
}

/** A connection on which a poll waits. */
async function beginPoll(server, path) {
  const raw = await rawConnection(server);
  raw.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return raw;
}

/** A WebSocket that is open, or, if the server speaks first, one that is about to be. */
async function openSocket(server, path, isSilent = true) {
  const socket = new WebSocket(server.url.replace('http', 'ws') + path);
  server.afterStop(() => socket.terminate());
  if (isSilent) await event(socket, 'open');
  return socket;
}

/** What a request is refused with: status, code and message. */
async function refusal(server, method, path) {
  const { status, headers, body } = await request(server, method, path);
  assert.equal(headers['content-type'], 'application/json', body);
  const { code, message } = JSON.parse(body);
  return [status, code, message];
}
