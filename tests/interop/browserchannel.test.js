// BrowserChannel without Primus: its own client, and requests by hand.
'use strict';

const assert = require('node:assert/strict');
const EventEmitter = require('node:events');
const { test } = require('node:test');
const { BCSocket } = require('browserchannel');

const { collect, countsOnce, event, open, record } = require('./clients');
const { begin, request } = require('./raw');
const { differsFromNode, startServer } = require('./server');

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const UNKNOWN_SID = [400, '<html><body><h1>Unknown SID</h1></body></html>'];

test('1,000 messages come back in order', async (t) => {
  const client = await openClient(await startBrowserChannel(t));
  const answers = collect(client, 'message', 1_000);
  for (let n = 0; n < 1_000; n += 1) {
    client.socket.send(String(n));
    if (n % 250 === 0) await new Promise(setImmediate);
  }
  assert.deepEqual((await answers).map(Number), Array.from({ length: 1_000 }, (_, n) => n));
});

test('messages may be sent while the session is being made', async (t) => {
  const client = new Client(await startBrowserChannel(t));
  const answers = collect(client, 'message', 2);
  client.socket.send('"é👋%+&="');
  client.socket.send('2');
  assert.deepEqual(await answers, ['"é👋%+&="', '2']);
});

test('an upgrade, of which there is none here, is a plain request', async (t) => {
  const server = await startBrowserChannel(t);
  const headers = { 'connection': 'Upgrade, HTTP2-Settings', 'http2-settings': 'AAMAAABkAAQAAP__' };
  for (const upgrade of ['h2c', 'websocket']) {
    const asked = { headers: { ...headers, upgrade } };
    const library = await request(server, 'GET', '/primus/primus.js', asked);
    assert.equal(library.status, 200);
    assert.match(library.body, /Primus/);
    const init = await request(server, 'GET', '/primus/test?VER=8&MODE=init', asked);
    assert.deepEqual([init.status, init.body], [200, '[null,null]']);
  }
});

test('a back channel with nothing to say is kept alive', async (t) => {
  const transport = { keepAliveInterval: 50 };
  const session = await openSession(await startBrowserChannel(t, { transport }));
  const back = await session.back('&CI=0&AID=0');
  await back.until(/(\["noop"\][^]*){3}/);
  await session.send(['_S="still here"'], 101, 0);
  await back.until(/still here/);
});

test('a client that closes is gone, and one that is ended knows it', async (t) => {
  const server = await startBrowserChannel(t, { app: 'scripted' });
  const observer = await open(server);
  const client = await openClient(server);
  client.socket.close();
  const counts = await countsOnce(observer, ({ disconnection }) => disconnection > 0);
  assert.deepEqual([counts.connection, counts.disconnection], [2, 1]);

  const ended = await openClient(server);
  const received = record(ended, 'message');
  const closed = event(ended, 'close');
  ended.socket.send('{"do":"end","data":"bye"}');
  assert.equal(await closed, 'Stopped by server');
  assert.deepEqual(received, ['"bye"', '"primus::server::close"']);
});

test('a client that stays away is forgotten', async (t) => {
  const transport = { sessionTimeoutInterval: 50 };
  const server = await startBrowserChannel(t, { app: 'scripted', transport });
  const session = await openSession(server);
  // A forward channel does not keep a session.
  while ((await session.send([], 1)).status === 200);
  assert.deepEqual(await refusal(session.back()), UNKNOWN_SID);
  const counts = await countsOnce(await open(server), ({ disconnection }) => disconnection > 0);
  assert.equal(counts.disconnection, 1);
});

test('the test of the network: host prefixes, and two chunks with a pause', async (t) => {
  const server = await startBrowserChannel(t);
  const first = await request(server, 'GET', '/primus/test?VER=8&MODE=init');
  assert.deepEqual([first.status, first.body], [200, '[null,null]']);
  assert.equal(first.headers['x-accept'], 'application/json; application/x-www-form-urlencoded');
  // On a machine that stands still meanwhile both chunks are seen at once, but not again and again.
  for (let tries = 1; ; tries += 1) {
    const begun = Date.now();
    const second = await begin(server, 'GET', '/primus/test?VER=8&TYPE=xmlhttp');
    await second.until(/^11111/);
    const isFirstAlone = second.body === '11111';
    await second.ended;
    assert.equal(second.body, '111112');
    // A timer may be early by the rounding of the clock.
    assert.ok(Date.now() - begun >= 1_990);
    if (isFirstAlone) return;
    assert.ok(tries < 5, 'the second chunk comes with the first');
  }
});

test('what there is not', async (t) => {
  const server = await startBrowserChannel(t);
  const version = [400, '<html><body><h1>Version 8 required</h1></body></html>'];
  for (const [method, path, answer] of [
    ['GET', '/primus', [404, 'Not Found']],
    ['GET', '/primusish', [404, 'Not Found']],
    ['GET', '/primus/', [404, 'Not found']],
    ['GET', '/primus/x', [404, 'Not found']],
    ['GET', '/primus/test', version],
    ['GET', '/primus/test?VER=7&MODE=init', version],
    ['POST', '/primus/bind?VER=9&RID=1', version],
    ['PUT', '/primus/bind?VER=8', [405, 'Method not allowed']],
    ['GET', '/primus/bind?VER=8&SID=short&RID=rpc&TYPE=xmlhttp', UNKNOWN_SID],
    ['GET', '/primus/bind?VER=8&SID=AAAAAAAAAAAAAAAAAAAAA&RID=rpc&TYPE=html', UNKNOWN_SID],
    ['POST', '/primus/bind?VER=8&SID=AAAAAAAAAAAAAAAAAAAAA&RID=1', UNKNOWN_SID],
  ]) {
    const { status, body } = await request(server, method, path);
    assert.deepEqual([status, body], answer, `${method} ${path}`);
  }
});

test('a session by hand: maps forward, arrays back, each once', async (t) => {
  const session = await openSession(await startBrowserChannel(t));
  const first = await session.send(['_S="one"', 'JSON="\\"two\\""'], 101, 0, '&AID=0');
  assert.deepEqual([first.status, first.body], [200, '7\n[0,0,0]']);

  const back = await session.back('&CI=0&AID=0');
  assert.equal(back.headers['content-type'], 'text/plain');
  await back.until(/^30\n\[\[1,"\\"one\\""\],\[2,"\\"two\\""\]\]\n$/);
  const status = await session.send(['_S="three"'], 102, 2, '&AID=2');
  assert.match(status.body, /^\d+\n\[1,2,0\]$/);
  await back.until(/\n18\n\[\[3,"\\"three\\""\]\]\n$/);
  // The same once more is taken for a repetition, and a gap is waited for.
  await session.send(['_S="three"'], 102, 2);
  await session.send(['_S="five"'], 104, 4);
  await session.send(['_S="four"'], 103, 3);
  await back.until(/\[4,"\\"four\\""\][^]*\[5,"\\"five\\""\]/);
  back.destroy();
});

test('what was not acknowledged is sent again', async (t) => {
  const session = await openSession(await startBrowserChannel(t));
  await session.send(['_S="a"', '_S="b"', '_S="c"'], 101, 0);
  const lost = await session.back('&CI=0&AID=0');
  await lost.until(/"\\"c\\""\]\]\n$/);
  lost.destroy();
  const again = await session.back('&CI=1&AID=1');
  // With CI=1 an answer ends with its first chunk, because a proxy might hold it back.
  await again.ended;
  assert.equal(again.body, '26\n[[2,"\\"b\\""],[3,"\\"c\\""]]\n');
});

test('chunks are counted in UTF-16 units', async (t) => {
  const session = await openSession(await startBrowserChannel(t));
  await session.send(['_S="é👋"'], 101, 0);
  const back = await session.back('&CI=1&AID=0');
  await back.ended;
  assert.equal(back.body, '16\n[[1,"\\"é👋\\""]]\n');
});

test('an old browser reads scripts in a frame', async (t) => {
  const session = await openSession(await startBrowserChannel(t));
  await session.send(['_S="é"'], 101, 0);
  const back = await session.back('&CI=0&AID=0&DOMAIN=example.com', 'html');
  assert.equal(back.headers['content-type'], 'text/html');
  const [, data] = await back.until(/parent\.m\((".*")\)\} catch/);
  assert.match(back.body, /^<html><body><script>try\{document\.domain="example\.com";\}catch/);
  assert.equal(data, '"[[1,\\"\\\\\\"\\u00e9\\\\\\"\\"]]\\n"');
  await session.terminate(102);
  await back.ended;
  assert.match(back.body, /<script>try {2}\{parent\.d\(\); \}catch \(e\)\{\}<\/script>\n$/);
});

test('a session that its client terminates is gone', async (t) => {
  const session = await openSession(await startBrowserChannel(t));
  const back = session.back('&CI=0&AID=0');
  // The answer says whether there is a back channel; it has nothing to say itself.
  let rid = 101;
  while (!/\[1,/.test((await session.send([], rid)).body)) rid += 1;
  const { status, body } = await session.terminate(rid + 1);
  assert.deepEqual([status, body], [200, '']);
  await (await back).ended;
  assert.deepEqual(await refusal(session.back()), UNKNOWN_SID);
});

test('maps that cannot be counted are refused', async (t) => {
  const session = await openSession(await startBrowserChannel(t));
  const answer = await request(session.server, 'POST', `${session.path}&RID=101`, {
    headers: FORM,
    body: 'count=x&ofs=0&req0__S=1',
  });
  const refused = [400, '<html><body><h1>Bad data</h1></body></html>'];
  assert.deepEqual([answer.status, answer.body], refused);
});

test('maps may be JSON', async (t) => {
  const session = await openSession(await startBrowserChannel(t));
  const headers = { 'content-type': 'application/json' };
  const body = '{"ofs":0,"data":["\\"six\\""]}';
  await request(session.server, 'POST', `${session.path}&RID=101`, { headers, body });
  const back = await session.back('&CI=1&AID=0');
  await back.ended;
  assert.equal(back.body, '16\n[[1,"\\"six\\""]]\n');
});

test('cors', async (t) => {
  const transport = { cors: 'http://x', corsAllowCredentials: true };
  const server = await startBrowserChannel(t, { transport });
  const { headers } = await request(server, 'GET', '/primus/test?VER=8&MODE=init');
  assert.equal(headers['access-control-allow-origin'], 'http://x');
  assert.equal(headers['access-control-allow-credentials'], 'true');
});

test(
  'the port of a peer is 1337',
  differsFromNode('its own forwarded middleware lets the real port through'),
  async (t) => {
    const client = await openClient(await startBrowserChannel(t, { app: 'scripted' }));
    client.socket.send('{"do":"describe"}');
    assert.equal(JSON.parse(await event(client, 'message')).address.port, 1337);
  },
);

function startBrowserChannel(t, options = {}) {
  return startServer(t, { ...options, transformer: 'browserchannel' });
}

/** BrowserChannel's own client, with events as those of Node.js. */
class Client extends EventEmitter {
  constructor(server) {
    super();
    this.socket = new BCSocket(`${server.url}/primus`, {
      reconnect: false,
      // When the server is gone it asks for an image, by default one on the internet.
      testImageUri: 'http://127.0.0.1:1/',
    });
    this.socket.onopen = () => this.emit('open');
    this.socket.onclose = (reason) => this.emit('close', reason);
    this.socket.onmessage = ({ data }) => this.emit('message', data);
    server.beforeStop(() => this.socket.close());
  }
}

async function openClient(server) {
  const client = new Client(server);
  await event(client, 'open');
  return client;
}

async function openSession(server) {
  const path = '/primus/bind?VER=8&RID=100&CVER=1';
  const { body } = await request(server, 'POST', path, { headers: FORM, body: 'count=0' });
  const [, length, array] = /^(\d+)\n(.*\n)$/.exec(body);
  assert.equal(Number(length), array.length);
  const [[id, [kind, sid, prefix, version]]] = JSON.parse(array);
  assert.deepEqual([id, kind, prefix, version], [0, 'c', null, 8]);
  return new Session(server, sid);
}

class Session {
  constructor(server, sid) {
    this.server = server;
    this.sid = sid;
    this.path = `/primus/bind?VER=8&SID=${sid}`;
  }

  /** Sends maps of one name and value each, numbered from `offset`. */
  send(maps, rid, offset, query = '') {
    const fields = maps.map((map, index) => {
      const [name, value] = [map.slice(0, map.indexOf('=')), map.slice(map.indexOf('=') + 1)];
      return `req${index}_${name}=${encodeURIComponent(value)}`;
    });
    const body = [`count=${maps.length}`, ...(maps.length ? [`ofs=${offset}`] : []), ...fields];
    const path = `${this.path}&RID=${rid}${query}`;
    return request(this.server, 'POST', path, { headers: FORM, body: body.join('&') });
  }

  back(query = '', type = 'xmlhttp') {
    return begin(this.server, 'GET', `${this.path}&RID=rpc&TYPE=${type}${query}`);
  }

  terminate(rid) {
    return request(this.server, 'GET', `${this.path}&RID=${rid}&TYPE=terminate`);
  }
}

async function refusal(answering) {
  const answer = await answering;
  await answer.ended;
  return [answer.status, answer.body];
}
