// SockJS without Primus: its own client with each transport that runs outside a browser, and
// requests by hand for the others.
'use strict';

const assert = require('node:assert/strict');
const EventEmitter = require('node:events');
const { describe, test } = require('node:test');
const SockJS = require('sockjs-client');
const WebSocket = require('ws');

const { collect, countsOnce, event, open, record, text } = require('./clients');
const { begin, request } = require('./raw');
const { differsFromNode, peer, startServer } = require('./server');

const TRANSPORTS = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'];
const NOT_FOUND = '404 Error: Page not found\n';
// What the server takes for a client that is gone.
const DISCONNECT_DELAY = { disconnect_delay: 3_000 };

for (const name of TRANSPORTS) {
  test(`1,000 messages come back in order by ${name}`, async (t) => {
    const client = await openClient(await startSockJs(t), name);
    assert.equal(client.socket.transport, name);
    const answers = collect(client, 'message', 1_000);
    for (let n = 0; n < 1_000; n += 1) {
      client.socket.send(String(n));
      if (n % 250 === 0) await new Promise(setImmediate);
    }
    assert.deepEqual((await answers).map(Number), Array.from({ length: 1_000 }, (_, n) => n));
  });

  test(`heartbeats and small answers do not disturb a client by ${name}`, async (t) => {
    const transport = { ...DISCONNECT_DELAY, heartbeat_delay: 50, response_limit: 100 };
    const client = await openClient(await startSockJs(t, { transport }), name);
    // On a WebSocket they are pings, which the client answers without a word.
    if (name !== 'websocket') await collect(client, 'heartbeat', 3);
    const answers = collect(client, 'message', 50);
    for (let n = 0; n < 50; n += 1) client.socket.send(JSON.stringify(`${n}-é-👋-\u200c`));
    const wanted = Array.from({ length: 50 }, (_, n) => `"${n}-é-👋-\u200c"`);
    assert.deepEqual(await answers, wanted);
  });

  test(`a client that closes is gone, and one that is ended knows it, by ${name}`, async (t) => {
    const server = await startSockJs(t, { app: 'scripted', transport: DISCONNECT_DELAY });
    const observer = await open(server);
    const client = await openClient(server, name);
    client.socket.close();
    const counts = await countsOnce(observer, ({ disconnection }) => disconnection > 0);
    assert.deepEqual([counts.connection, counts.disconnection], [2, 1]);

    const ended = await openClient(server, name);
    const received = record(ended, 'message');
    const closed = event(ended, 'close');
    ended.socket.send('{"do":"end","data":"bye"}');
    const { code, reason } = await closed;
    assert.deepEqual(received, ['"bye"', '"primus::server::close"']);
    assert.deepEqual([code, reason], [1000, 'Normal closure']);
  });
}

test('a WebSocket without SockJS around it', async (t) => {
  const socket = await openSocket(await startSockJs(t), '/primus/websocket');
  socket.send('"raw"');
  assert.equal(await text(socket), '"raw"');
});

test('the frames of a WebSocket: arrays, single messages, nothing at all', async (t) => {
  const socket = await openSocket(await startSockJs(t), '/primus/000/x/websocket', false);
  assert.equal(await text(socket), 'o');
  const frames = collect(socket, 'message', 3);
  socket.send('["1","[2]"]');
  socket.send('');
  socket.send('"3"');
  assert.deepEqual((await frames).map(String), ['a["1"]', 'a["[2]"]', 'a["3"]']);
  const closed = event(socket, 'close');
  socket.send('["broken');
  await closed;
});

test('heartbeats on a WebSocket are its pings', async (t) => {
  const server = await startSockJs(t, { transport: { heartbeat_delay: 50 } });
  const socket = await openSocket(server, '/primus/000/x/websocket');
  await collect(socket, 'ping', 3);
  assert.equal(socket.readyState, socket.OPEN);
});

test('two WebSockets of one name are two sessions', async (t) => {
  const server = await startSockJs(t);
  const sockets = [];
  for (let n = 0; n < 2; n += 1) {
    sockets.push(await openSocket(server, '/primus/000/same/websocket', false));
    assert.equal(await text(sockets[n]), 'o');
  }
  for (const [n, socket] of sockets.entries()) {
    socket.send(`["${n}"]`);
    assert.equal(await text(socket), `a["${n}"]`);
  }
});

test('what is no session: greeting, info and what there is not', async (t) => {
  const server = await startSockJs(t);
  for (const path of ['/primus', '/primus/', '/primusish']) {
    const answer = await request(server, 'GET', path);
    const { 'content-type': type } = answer.headers;
    assert.deepEqual([answer.status, answer.body, type],
      [200, 'Welcome to SockJS!\n', 'text/plain; charset=UTF-8'], path);
  }
  for (const path of ['/primus/info', '/primusish/info']) {
    const answer = await request(server, 'GET', path);
    assert.equal(answer.headers['content-type'], 'application/json; charset=UTF-8');
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    const { entropy, ...info } = JSON.parse(answer.body);
    assert.deepEqual(info, { websocket: true, origins: ['*:*'], cookie_needed: false });
    assert.ok(Number.isInteger(entropy) && entropy >= 0 && entropy < 2 ** 32);
  }
  for (const below of ['x', 'a/b', 'a/b/c', 'a.b/c/xhr', '/c/xhr']) {
    const { status, body } = await request(server, 'GET', `/primus/${below}`);
    assert.deepEqual([status, body], [404, NOT_FOUND], below);
  }
});

test('no answer is for caches, whatever SockJS says of them', async (t) => {
  const server = await startSockJs(t);
  for (const [method, path, status] of [
    ['GET', '/info', 200], ['OPTIONS', '/info', 204], ['GET', '/iframe.html', 200],
    ['POST', '/0/a/xhr', 200], ['OPTIONS', '/0/a/xhr', 204], ['GET', '/0/b/jsonp?c=x', 200],
    ['GET', '/0/c/websocket', 400], ['POST', '/0/d/xhr_send', 500], ['POST', '/chunking_test', 200],
  ]) {
    const headers = { origin: 'http://a.example' };
    const answer = await begin(server, method, `/primus${path}`, { headers });
    const { 'cache-control': control, pragma } = answer.headers;
    const wanted = ['no-store, no-cache, must-revalidate, max-age=0', 'no-cache'];
    assert.deepEqual([answer.status, control, pragma], [status, ...wanted], path);
    answer.destroy();
  }
});

test('the page for an iframe is cached by its tag', async (t) => {
  const server = await startSockJs(t, { transport: { sockjs_url: 'http://x/sockjs.js' } });
  const page = await request(server, 'GET', '/primus/iframe-1.6.html?t=1');
  assert.equal(page.headers['content-type'], 'text/html; charset=UTF-8');
  assert.match(page.body, /<script src="http:\/\/x\/sockjs\.js"><\/script>/);
  const headers = { 'if-none-match': page.headers.etag };
  const again = await request(server, 'GET', '/primus/iframe.html', { headers });
  assert.deepEqual([again.status, again.body], [304, '']);
});

test('the page for an iframe takes its script from the same server', { skip: peer === 'node' },
  async (t) => {
    const server = await startSockJs(t);
    const page = await request(server, 'GET', '/primus/iframe.html');
    const sources = [...page.body.matchAll(/src="([^"]*)"/g)].map(([, source]) => source);
    assert.deepEqual(sources, ['iframe.js']);
    const script = await request(server, 'GET', '/primus/iframe.js');
    assert.equal(script.headers['content-type'], 'application/javascript; charset=UTF-8');
    assert.match(script.body, /bootstrap_iframe/);
  });

test('methods that are not meant, and preflights', async (t) => {
  const server = await startSockJs(t);
  for (const [method, path, allow] of [
    ['POST', '/primus/info', 'OPTIONS, GET'],
    ['GET', '/primus/1/2/xhr', 'POST, OPTIONS'],
  ]) {
    const refused = await request(server, method, path);
    assert.deepEqual([refused.status, words(refused.headers.allow)], [405, words(allow)]);
    const preflight = await request(server, 'OPTIONS', path, { headers: { origin: 'http://x' } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers['access-control-allow-origin'], 'http://x');
    assert.equal(preflight.headers['access-control-allow-credentials'], 'true');
    assert.deepEqual(words(preflight.headers['access-control-allow-methods']), words(allow));
  }
});

test('polling by hand', async (t) => {
  const server = await startSockJs(t);
  const poll = async () => (await request(server, 'POST', '/primus/0/p/xhr')).body;
  const send = async (body) => {
    // The first part of the path is nobody's business.
    const answer = await request(server, 'POST', '/primus/1/p/xhr_send', { body });
    return [answer.status, answer.body];
  };
  assert.deepEqual(await send('["1"]'), [404, NOT_FOUND]);
  assert.equal(await poll(), 'o\n');
  assert.deepEqual(await send('["1","2"]'), [204, '']);
  assert.equal(await poll(), 'a["1","2"]\n');
  assert.deepEqual(await send('["1"'), [500, 'Broken JSON encoding.']);
  assert.deepEqual(await send(''), [500, 'Payload expected.']);
  assert.deepEqual(await send('["3"]'), [204, '']);
  assert.equal(await poll(), 'a["3"]\n');
});

test('a second poll at the same time is sent away', async (t) => {
  const server = await startSockJs(t);
  const path = '/primus/0/twice/xhr';
  assert.equal((await request(server, 'POST', path)).body, 'o\n');
  const polls = [begin(server, 'POST', path), begin(server, 'POST', path)];
  const second = await Promise.race(polls);
  await second.ended;
  assert.equal(second.body, 'c[2010,"Another connection still open"]\n');
});

test('a session that was ended says so for a while, and is then forgotten', async (t) => {
  const server = await startSockJs(t, { app: 'scripted', transport: DISCONNECT_DELAY });
  const path = '/primus/0/ended/xhr';
  assert.equal((await request(server, 'POST', path)).body, 'o\n');
  const body = JSON.stringify(['{"do":"end"}']);
  await request(server, 'POST', `${path}_send`, { body });
  const goodbye = JSON.stringify('"primus::server::close"');
  assert.equal((await request(server, 'POST', path)).body, `a[${goodbye}]\n`);
  assert.equal((await request(server, 'POST', path)).body, 'c[1000,"Normal closure"]\n');
  assert.equal((await request(server, 'POST', path)).body, 'c[1000,"Normal closure"]\n');
  // Sending does not keep it alive, as polling does.
  while ((await request(server, 'POST', `${path}_send`, { body })).status === 204);
  assert.equal((await request(server, 'POST', path)).body, 'o\n');
});

describe('streams by hand', () => {
  const SENT = ['"a"', '"é\u200c👋</script>"'];
  const FORMS = {
    xhr_streaming: ['POST', '', /^h{2048}\no\n/, (frame) => `${frame}\n`],
    eventsource: ['GET', '', /^\r\ndata: o\r\n\r\n/, (frame) => `data: ${frame}\r\n\r\n`],
    htmlfile: [
      'GET', '?c=cb.x', /parent\.cb\.x[^]{0,2000}<script>\np\("o"\);\n<\/script>\r\n/,
      (frame) => `<script>\np(${JSON.stringify(frame)});\n</script>\r\n`,
    ],
  };
  for (const [name, [method, query, beginning, form]] of Object.entries(FORMS)) {
    test(name, async (t) => {
      const server = await startSockJs(t, { transport: { response_limit: 40 } });
      const path = `/primus/0/${name}/`;
      const stream = await begin(server, method, path + name + query);
      await stream.until(beginning);
      const opening = stream.body.length;
      for (const message of SENT) {
        const body = JSON.stringify([message]);
        await request(server, 'POST', `${path}xhr_send`, { body });
      }
      // The response ends by itself once it was long enough.
      await stream.ended;
      const received = stream.body.slice(opening);
      const rest = SENT.map((message) => form(`a[${quoted(message)}]`));
      // Messages that were there together may share a frame, or wait for the next response.
      assert.ok(rest.join('').startsWith(received), received);
      assert.ok(received.length > 0 || opening > 40);
    });
  }
});

test('jsonp', async (t) => {
  const server = await startSockJs(t);
  const poll = () => request(server, 'GET', '/primus/0/j/jsonp?c=cb.x');
  const send = async (body, type) => {
    const headers = { 'content-type': type };
    const answer = await request(server, 'POST', '/primus/0/j/jsonp_send', { headers, body });
    return [answer.status, answer.body];
  };
  const form = 'application/x-www-form-urlencoded';
  const opened = await poll();
  assert.equal(opened.headers['content-type'], 'application/javascript; charset=UTF-8');
  assert.equal(opened.body, '/**/cb.x("o");\r\n');
  assert.deepEqual(await send(`d=${encodeURIComponent('["\\"é+&\\""]')}`, form), [200, 'ok']);
  assert.equal((await poll()).body, `/**/cb.x(${JSON.stringify('a["\\"é+&\\""]')});\r\n`);
  assert.deepEqual(await send('["2"]', 'text/plain'), [200, 'ok']);
  assert.equal((await poll()).body, '/**/cb.x("a[\\"2\\"]");\r\n');
  assert.deepEqual(await send('d=', form), [500, 'Payload expected.']);
  assert.deepEqual(await send('d=x', form), [500, 'Broken JSON encoding.']);
});

test('several fields of a form are a message each, as they are', async (t) => {
  const server = await startSockJs(t);
  const poll = () => request(server, 'POST', '/primus/0/f/xhr');
  await poll();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = 'd=%5b%222%22%5d&x=1&d=%22%c3%a9%5cn%22';
  const answer = await request(server, 'POST', '/primus/0/f/jsonp_send', { headers, body });
  assert.deepEqual([answer.status, answer.body], [200, 'ok']);
  const messages = [];
  while (messages.length < 2) messages.push(...JSON.parse((await poll()).body.slice(1)));
  assert.deepEqual(messages, ['["2"]', '"é\\n"']);
});

test(
  'half of a surrogate pair, which is no text, is replaced',
  differsFromNode('it hands it on, and replaces it where it leaves on a WebSocket'),
  async (t) => {
    const server = await startSockJs(t);
    const poll = () => request(server, 'POST', '/primus/0/h/xhr');
    await poll();
    const body = '["\\"a\\ud800\\""]';
    assert.equal((await request(server, 'POST', '/primus/0/h/xhr_send', { body })).status, 204);
    assert.deepEqual(JSON.parse((await poll()).body.slice(1)), ['"a\ufffd"']);
  },
);

test('a callback is needed, and must not be a script', async (t) => {
  const server = await startSockJs(t);
  for (const name of ['jsonp', 'htmlfile']) {
    const path = `/primus/0/callback/${name}`;
    const missing = await request(server, 'GET', path);
    assert.deepEqual([missing.status, missing.body], [500, '"callback" parameter required']);
    const wrong = await request(server, 'GET', `${path}?c=a%3Cb`);
    assert.deepEqual([wrong.status, wrong.body], [500, 'invalid "callback" parameter']);
  }
});

/** As SockJS quotes: more than JSON must, for browsers that would choke on it. */
function quoted(message) {
  const escape = (unit) => `\\u${unit.charCodeAt(0).toString(16)}`;
  return JSON.stringify(message).replace(/[\u200c\ud800-\udfff]/g, escape);
}

function words(list) {
  return list.split(', ').sort();
}

function startSockJs(t, options = {}) {
  return startServer(t, { ...options, transformer: 'sockjs' });
}

/** SockJS's own client, with events as those of Node.js. */
class Client extends EventEmitter {
  constructor(url, transport) {
    super();
    this.socket = new SockJS(url, null, { transports: transport });
    for (const name of ['open', 'heartbeat', 'close', 'error']) {
      this.socket.addEventListener(name, (event) => this.emit(name, event));
    }
    this.socket.addEventListener('message', ({ data }) => this.emit('message', data));
  }
}

async function openClient(server, transport) {
  const client = new Client(`${server.url}/primus`, transport);
  server.beforeStop(() => client.socket.close());
  await event(client, 'open');
  return client;
}

/** A WebSocket that is open, or, if the server speaks first, one that is about to be. */
async function openSocket(server, path, isSilent = true) {
  const socket = new WebSocket(server.url.replace('http', 'ws') + path);
  server.afterStop(() => socket.terminate());
  if (isSilent) await event(socket, 'open');
  return socket;
}
