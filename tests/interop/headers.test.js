// What Primus itself says in its answers, header by header: docs/COMPATIBILITY.md, "Headers and
// statuses". What a transport adds is asked in the file of its transformer.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { received, rawConnection, request } = require('./raw');
const { peer, startServer } = require('./server');

const ORIGIN = { origin: 'http://a.example' };
const CORS = {
  'access-control-allow-credentials': 'true',
  'access-control-allow-origin': 'http://a.example',
  vary: 'Origin',
};
const NO_CACHE = {
  'cache-control': 'no-store, no-cache, must-revalidate, max-age=0',
  pragma: 'no-cache',
};
const EXPLORER = 'Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)';
const PREFLIGHT = {
  ...ORIGIN,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'x-a',
};
const TEXT = { 'content-type': 'text/plain' };
const UPGRADE_REQUIRED = [426, { ...TEXT, ...NO_CACHE }];

/** Of each: method, path, headers, and the status and headers of the answer. */
const ANSWERS = [
  ['GET', '/primus/spec', {}, 200, { 'content-type': 'application/json' }],
  ['PUT', '/primus/spec', ORIGIN, 200, { 'content-type': 'application/json', ...CORS }],
  ['HEAD', '/primus/spec', {}, 200, { 'content-type': 'application/json' }],
  ['OPTIONS', '/primus/any', PREFLIGHT, 200, {
    ...CORS,
    'access-control-allow-headers': 'x-a',
    'access-control-allow-methods': 'GET, HEAD, PUT, POST, DELETE, OPTIONS',
    'access-control-max-age': '2592000',
  }],
  ['PATCH', '/primus/any', ORIGIN, 403, TEXT],
  ['GET', '/primus/any', {}, ...UPGRADE_REQUIRED],
  ['POST', '/primus/any', {}, ...UPGRADE_REQUIRED],
  ['GET', '/primus/any', ORIGIN, 426, { ...TEXT, ...NO_CACHE, ...CORS }],
  ['GET', '/primus/any', { 'user-agent': EXPLORER }, 426, {
    ...TEXT, ...NO_CACHE, 'x-xss-protection': '0',
  }],
];

const JSON_TYPE = { 'content-type': 'application/json' };

/** Options of CORS as flags, and answers as above. */
const CORS_OPTIONS = [
  [{ methods: 'get, options', 'max-age': '2 hours', headers: 'x-a, X-B', exposed: 'X-C,x-d' }, [
    ['OPTIONS', '/primus/any', PREFLIGHT, 200, {
      ...CORS,
      'access-control-allow-headers': 'x-a, X-B',
      'access-control-allow-methods': 'GET, OPTIONS',
      'access-control-max-age': '7200',
    }],
    ['GET', '/primus/spec', ORIGIN, 200, {
      ...JSON_TYPE, ...CORS, 'access-control-expose-headers': 'X-C,x-d',
    }],
    ['PUT', '/primus/spec', ORIGIN, 403, TEXT],
    ['PUT', '/primus/spec', {}, 200, JSON_TYPE],
  ]],
  [{ credentials: 'false', 'max-age': '0', methods: '' }, [
    ['OPTIONS', '/primus/any', PREFLIGHT, 200, {
      'access-control-allow-headers': 'x-a', 'access-control-allow-origin': '*',
    }],
    ['PATCH', '/primus/spec', ORIGIN, 200, { ...JSON_TYPE, 'access-control-allow-origin': '*' }],
  ]],
  [{ origins: 'http://A.example http://b.example', credentials: 'false', methods: 'GET' }, [
    ['GET', '/primus/spec', ORIGIN, 200, {
      ...JSON_TYPE, 'access-control-allow-origin': 'http://a.example', vary: 'Origin',
    }],
    ['GET', '/primus/spec', { origin: 'http://c.example' }, 403, TEXT],
    ['OPTIONS', '/primus/any', PREFLIGHT, 403, TEXT],
  ]],
];

/** Those of the connection and of the body's frame are not Primus's. */
const OTHERS = ['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding'];

const said = (headers) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !OTHERS.includes(name)));

/** Asks for each of these answers. */
async function judge(server, answers) {
  for (const [method, path, headers, status, expected] of answers) {
    const answer = await request(server, method, path, { headers });
    const about = `${method} ${path} ${JSON.stringify(headers)}`;
    assert.deepEqual([answer.status, said(answer.headers)], [status, expected], about);
  }
}

test('each answer has the status and the headers that Primus gives it', async (t) => {
  await judge(await startServer(t), ANSWERS);
});

for (const [options, answers] of CORS_OPTIONS) {
  test(`answers with the options of CORS ${JSON.stringify(options)}`, async (t) => {
    const further = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    await judge(await startServer(t, { further }), answers);
  });
}

test('the library may be known already, which Primus does not ask', async (t) => {
  const server = await startServer(t);
  const answer = await request(server, 'GET', '/primus/primus.js', { headers: ORIGIN });
  const { etag, ...headers } = said(answer.headers);
  const ours = { 'cache-control': 'no-cache', vary: 'Accept-Encoding, Origin' };
  const caching = peer === 'node' ? {} : ours;
  const type = { 'content-type': 'text/javascript; charset=utf-8' };
  assert.deepEqual([answer.status, headers], [200, { ...CORS, ...type, ...caching }]);
  assert.equal(etag !== undefined, peer !== 'node');
});

test('a handshake gets its own headers and none of CORS', async (t) => {
  const server = await startServer(t);
  const raw = await rawConnection(server);
  raw.write(
    'GET /primus/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Origin: http://a.example\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const [head] = await received(raw, /^.*?\r\n\r\n/s);
  assert.deepEqual(head.trim().split('\r\n'), [
    'HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade',
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
  ]);
});
