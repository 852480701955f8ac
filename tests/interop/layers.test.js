// Middleware and authorization: what they answer, in which order they are asked, and what becomes
// of them when they are replaced, inserted, switched off and removed.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { ask, event, open, sparkId } = require('./clients');
const { rawConnection, request } = require('./raw');
const { differsFromNode, startServer } = require('./server');

const ORIGIN = { origin: 'http://a.example' };
const NO_CACHE = 'no-store, no-cache, must-revalidate, max-age=0';

/** A server of the app `scripted` with these layers. */
function start(t, layers, options = {}) {
  return startServer(t, { app: 'scripted', layers, ...options });
}

/** Asks for a WebSocket. The answer if that is refused, once the connection is closed. */
async function upgrade(server, path, headers = {}) {
  const raw = await rawConnection(server);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  raw.write([
    `GET ${path} HTTP/1.1`,
    'Host: a',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...lines,
    '',
    '',
  ].join('\r\n'));
  await new Promise((resolve) => {
    raw.once('close', resolve);
    raw.on('more', () => { if (raw.bytes.startsWith('HTTP/1.1 101 ')) resolve(); });
  });
  const [head, body] = raw.bytes.split('\r\n\r\n');
  const [status, ...fields] = head.split('\r\n');
  const pairs = fields.map((field) => field.split(/: (.*)/, 2));
  const named = pairs.map(([name, value]) => [name.toLowerCase(), value]);
  return { status: Number(status.split(' ')[1]), headers: Object.fromEntries(named), body };
}

for (const later of [false, true]) {
  const when = later ? 'later' : 'at once';

  test(`authorization that decides ${when}`, async (t) => {
    const server = await start(t, [{ do: 'authorize', later }]);
    const refused = async (query, status, challenge) => {
      const expected = { error: 'no "entry"' };
      const path = `/primus/x?refuse=no+%22entry%22${query}`;
      const answer = await request(server, 'GET', path, { headers: ORIGIN });
      const upgraded = await upgrade(server, path, ORIGIN);
      for (const { status: got, headers, body } of [answer, upgraded]) {
        assert.equal(got, status, path);
        assert.equal(headers['content-type'], 'application/json');
        assert.equal(headers['content-length'], String(body.length));
        assert.equal(headers['www-authenticate'], challenge);
        assert.deepEqual(JSON.parse(body), expected);
      }
      // Those before it have had their say, but not to upgrades.
      assert.equal(answer.headers['access-control-allow-origin'], 'http://a.example');
      assert.equal(answer.headers['cache-control'], NO_CACHE);
      assert.equal(upgraded.headers['access-control-allow-origin'], undefined);
      assert.equal(upgraded.headers['cache-control'], undefined);
      assert.equal(upgraded.headers.connection, 'close');
    };
    await refused('', 401, undefined);
    await refused('&authenticate=Basic+realm%3D%22a%22', 401, 'Basic realm="a"');
    await refused('&authenticate=Basic&status=403', 403, undefined);
    await refused('&status=503', 503, undefined);
    const head = await request(server, 'HEAD', '/primus/x?refuse=no');
    assert.deepEqual([head.status, head.body], [401, '']);

    // What comes before it in the chain.
    assert.equal((await request(server, 'GET', '/primus/spec?refuse=no')).status, 200);
    assert.equal((await request(server, 'GET', '/primus/primus.js?refuse=no')).status, 200);
    const asked = { ...ORIGIN, 'access-control-request-method': 'GET' };
    const preflight = await request(server, 'OPTIONS', '/primus/x?refuse=no', { headers: asked });
    assert.equal(preflight.status, 200);
    assert.equal(preflight.headers['access-control-max-age'], String(30 * 24 * 60 * 60));

    assert.equal((await request(server, 'GET', '/primus/x')).status, 426);
    const client = await open(server);
    assert.equal(typeof (await ask(client, { do: 'describe' })).id, 'string');
  });
}

for (const transformer of ['engine.io', 'sockjs', 'browserchannel', 'faye']) {
  test(`authorization of ${transformer}`, async (t) => {
    const server = await start(t, [{ do: 'authorize', later: true }], { transformer });
    const paths = {
      'engine.io': '/primus/?EIO=4&transport=polling&',
      'sockjs': '/primus/info?',
      'browserchannel': '/primus/test?VER=8&MODE=init&',
      'faye': '/primus?',
    };
    const path = paths[transformer];
    const answer = await request(server, 'GET', `${path}refuse=no`);
    assert.deepEqual([answer.status, answer.body], [401, '{"error":"no"}']);
    assert.notEqual((await request(server, 'GET', path)).status, 401);
    const client = await open(server, { transport: {} });
    assert.equal(typeof (await ask(client, { do: 'describe' })).id, 'string');
  });
}

test('layers are asked in their order, each for what it is for', async (t) => {
  const use = { do: 'use', act: 'pass' };
  const server = await start(t, [
    { ...use, name: 'a' },
    { ...use, name: 'b', index: 0 },
    { ...use, name: 'c', later: true },
    { ...use, name: 'upgrades', http: false },
    { ...use, name: 'requests', upgrade: false },
    { ...use, name: 'beyond', index: 99 },
    { ...use, name: 'third', index: 2 },
    { ...use, name: 'off' },
    { do: 'disable', name: 'off' },
    { ...use, name: 'gone' },
    { do: 'remove', name: 'gone' },
    // One that replaces another stays where that was, whatever the index.
    { ...use, name: 'a', index: 0, later: true },
  ]);
  const order = async (path) => (await request(server, 'GET', path)).headers['x-order'];
  assert.equal(await order('/primus/x'), 'b;third;a;c;requests;beyond;');
  assert.equal(await order('/primus/spec'), 'b;third;');
  const client = await open(server);
  const spark = await ask(client, { do: 'describe' });
  assert.equal(spark.order, 'b;third;a;c;upgrades;beyond;');
});

test('a layer refuses, or answers, requests and upgrades', async (t) => {
  for (const [layer, status, body] of [
    [{ act: 'refuse' }, 500, '{"error":"refused by it"}'],
    [{ act: 'refuse', status: 418, later: true }, 418, '{"error":"refused by it"}'],
    [{ act: 'answer', status: 202 }, 202, 'answered by it'],
    [{ act: 'answer', status: 202, later: true }, 202, 'answered by it'],
  ]) {
    const server = await start(t, [{ do: 'use', name: 'it', ...layer }]);
    const answer = await request(server, 'GET', '/primus/x');
    assert.deepEqual([answer.status, answer.body], [status, body]);
    assert.equal(answer.headers['cache-control'], NO_CACHE);
    const upgraded = await upgrade(server, '/primus');
    assert.deepEqual([upgraded.status, upgraded.body], [status, body]);
    assert.equal(upgraded.headers.connection, 'close');
    assert.equal((await request(server, 'GET', '/primus/spec')).status, 200);
  }
});

test('the layers of Primus are replaced, switched off and removed one by one', async (t) => {
  const server = await start(t, [
    { do: 'use', name: 'spec', act: 'pass' },
    { do: 'remove', name: 'primus.js' },
    { do: 'disable', name: 'no-cache' },
    { do: 'disable', name: 'authorization' },
    { do: 'authorize' },
    { do: 'remove', name: 'cors' },
    { do: 'disable', name: 'x-xss' },
    { do: 'enable', name: 'x-xss' },
    { do: 'remove', name: 'nobody' },
  ]);
  const headers = { ...ORIGIN, 'user-agent': 'Trident/7.0' };
  for (const path of ['/primus/spec', '/primus/primus.js', '/primus/x?refuse=no']) {
    const answer = await request(server, 'GET', path, { headers });
    assert.equal(answer.status, 426, path);
    assert.equal(answer.headers['x-order'], 'spec;');
    assert.equal(answer.headers['cache-control'], undefined);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
    assert.equal(answer.headers['x-xss-protection'], '0');
  }
  const asked = { ...ORIGIN, 'access-control-request-method': 'GET' };
  const preflight = await request(server, 'OPTIONS', '/primus/x', { headers: asked });
  assert.equal(preflight.status, 426, 'the transport answers it');
});

test('the library can be served in another way', async (t) => {
  const layers = [{ do: 'use', name: 'primus.js', act: 'answer', upgrade: false }];
  const server = await start(t, layers);
  const answer = await request(server, 'GET', '/primus/primus.js', { headers: ORIGIN });
  assert.deepEqual([answer.status, answer.body], [200, 'answered by primus.js']);
  assert.equal(answer.headers['access-control-allow-origin'], 'http://a.example');
  assert.equal(answer.headers['cache-control'], undefined, 'that layer comes later');
  assert.equal((await upgrade(server, '/primus')).status, 101);
});

test('origins are asked of requests', async (t) => {
  const server = await start(t, [], { origins: 'http://a.example' });
  const evil = { origin: 'http://evil.example' };
  assert.equal((await request(server, 'GET', '/primus/x', { headers: evil })).status, 403);
  assert.equal((await request(server, 'GET', '/primus/x', { headers: ORIGIN })).status, 426);
  assert.equal((await upgrade(server, '/primus', ORIGIN)).status, 101);
});

test('origins are asked of upgrades', differsFromNode('it asks only requests'), async (t) => {
  const evil = { origin: 'http://evil.example' };
  const server = await start(t, [], { origins: 'http://a.example' });
  assert.equal((await upgrade(server, '/primus', evil)).status, 403);
  const layers = [{ do: 'disable', name: 'cors' }];
  const open_ = await start(t, layers, { origins: 'http://a.example' });
  assert.equal((await upgrade(open_, '/primus', evil)).status, 101);
});

for (const transformer of ['websockets', 'browserchannel']) {
  test(`${transformer}: sparks have the ids that the application gives`, async (t) => {
    const server = await start(t, [], { transformer, ids: 'user', shards: 2 });
    const clients = [];
    for (let n = 0; n < 4; n += 1) {
      clients.push(await open(server));
      const { id } = await ask(clients[n], { do: 'describe' });
      assert.equal(id, `user-${n}`);
    }
    if (transformer === 'websockets') assert.equal(await sparkId(clients[2]), 'user-2');
    for (const [n, client] of clients.entries()) {
      const told = event(client, 'data');
      clients[0].write({ do: 'tell', to: `user-${n}`, value: `to ${n}` });
      assert.equal(await told, `to ${n}`);
    }
    clients[0].write({ do: 'tell', to: 'nobody', value: 'lost' });
    assert.equal((await ask(clients[0], { do: 'describe' })).id, 'user-0');
  });
}

const FORWARDED = { 'x-forwarded-for': '203.0.113.7' };

for (const transformer of ['websockets', 'engine.io']) {
  test(`${transformer}: a trusted proxy names the client`, async (t) => {
    const trustedProxies = '127.0.0.0/8';
    const server = await start(t, [], { transformer, trustedProxies, shards: 2 });
    assert.equal(await ipOf(server, transformer), '203.0.113.7');
  });
}

test('a stranger names nobody', differsFromNode('it believes everybody'), async (t) => {
  const server = await start(t, [], { trustedProxies: '10.0.0.0/8' });
  assert.equal(await ipOf(server, 'websockets'), '127.0.0.1');
});

/** The address of a spark whose first request names another one. */
async function ipOf(server, transformer) {
  const options = { 'websockets': 'headers', 'engine.io': 'extraHeaders' };
  const client = await open(server, { transport: { [options[transformer]]: FORWARDED } });
  return (await ask(client, { do: 'describe' })).address.ip;
}
