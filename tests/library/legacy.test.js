// The library for old browsers: it is ES5, and runs where nothing younger is.
'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { test } = require('node:test');
const zlib = require('node:zlib');

const { parse } = require('acorn');

const { allsparkBinary, startServer, within } = require('../interop/server');
const { library } = require('./made');
const { openPage } = require('./old-browser');

const TRANSFORMERS = ['websockets', 'faye', 'uws', 'engine.io', 'sockjs', 'browserchannel', 'any'];
const STEP_MS_MAX = 60_000;

const legacy = (...options) => library('--legacy', ...options);

test('every choice parses as ES3, and so as ES5', () => {
  for (const transformer of TRANSFORMERS) {
    for (const parser of ['json', 'raw']) {
      const options = ['--transformer', transformer, '--parser', parser];
      const text = legacy(...options, '--global', '\u00e9t\u00e9');
      for (const ecmaVersion of [3, 5]) parse(text, { ecmaVersion });
    }
  }
  const modern = library('--transformer', 'websockets');
  assert.throws(() => parse(modern, { ecmaVersion: 5 }), SyntaxError, 'the parser is strict');
});

test('its first line says what it takes, as does that of the library for browsers of today', () => {
  const firstLine = (text) => text.slice(0, text.indexOf('\n'));
  assert.match(firstLine(legacy()), /in ES5 \*\/$/);
  assert.match(firstLine(library()), /in ES2022 \(primus\.js\?legacy: in ES5\) \*\/$/);
});

test('it is no larger than two libraries of today', () => {
  const size = (text) => zlib.gzipSync(text, { level: 9 }).length;
  assert.ok(size(legacy('--transformer', 'websockets')) < 14_000);
  assert.ok(size(legacy('--transformer', 'any')) < 22_000);
});

test('what can not be asked for together is one line and exit code 2', async () => {
  for (const options of [['--node'], ['--format', 'esm']]) {
    const failed = await new Promise((resolve) => {
      execFile(allsparkBinary(), ['library', '--legacy', ...options], (error, stdout, stderr) => {
        resolve({ code: error?.code, stdout, lines: stderr.trim().split('\n').length });
      });
    });
    assert.deepEqual(failed, { code: 2, stdout: '', lines: 1 }, `${options}`);
  }
});

test('the page lacks what is younger, and keeps none of it after the library has run', () => {
  const page = openPage(legacy());
  for (const name of ['Promise', 'Map', 'Symbol', 'URL', 'fetch', 'TextEncoder', 'globalThis']) {
    assert.equal(page[name], undefined, name);
  }
  const { assign, includes } = openPage(
    'var found = { assign: Object.assign, includes: "".includes };' + legacy(),
  ).found;
  assert.deepEqual([assign, includes], [undefined, undefined]);
  assert.equal(typeof page.Primus, 'function');
});

test('a page without an address of its own server connects to where it came from', () => {
  const { Primus } = openPage(legacy());
  const client = new Primus({ manual: true });
  assert.equal(client.uri({ protocol: 'ws:' }), 'ws://a.example/primus');
});

test('AMD and CommonJS get the class', () => {
  const defined = [];
  const define = Object.assign((factory) => defined.push(factory()), { amd: {} });
  const page = openPage(legacy(), { define });
  assert.equal(defined[0], page.Primus);
  const module = { exports: {} };
  openPage(legacy(), { module });
  assert.equal(typeof module.exports, 'function');
});

test('the server gives it to who asks for it', async (t) => {
  const server = await startServer(t, {
    kind: 'allspark',
    transformer: 'sockjs',
    pingIntervalMs: 30_000,
  });
  const ask = (query, headers = {}) => fetch(`${server.url}/primus/primus.js${query}`, { headers });
  const expected = legacy('--transformer', 'sockjs');
  const answer = await ask('?legacy');
  assert.equal(await answer.text(), expected);
  assert.equal(answer.headers.get('cache-control'), 'no-cache');
  const known = await ask('?legacy', { 'if-none-match': answer.headers.get('etag') });
  assert.equal(known.status, 304);
  const hash = answer.headers.get('etag').replace(/"|-gzip/g, '');
  const versioned = await ask(`?legacy&v=${hash}`);
  assert.match(versioned.headers.get('cache-control'), /immutable/);
  assert.notEqual(await (await ask('')).text(), expected);
});

// Each transport, and each way in which it can do without a WebSocket.
const WAYS = {
  websockets: {},
  faye: {},
  uws: {},
  'engine.io': {},
  'engine.io, polling': { transformer: 'engine.io', websockets: false },
  sockjs: {},
  'sockjs, streaming': { transformer: 'sockjs', transport: { transports: ['xhr-streaming'] } },
  'sockjs, polling': { transformer: 'sockjs', transport: { transports: ['xhr-polling'] } },
  browserchannel: {},
};

test('an old browser talks to its server', async (t) => {
  const { url } = await startServer(t, { kind: 'allspark', transformer: 'any', app: 'echo' });
  const { Primus } = openPage(legacy('--transformer', 'any'));
  for (const [name, options] of Object.entries(WAYS)) {
    await t.test(name, () => talk(new Primus(url, { transformer: name, ...options })));
  }
});

async function talk(client) {
  const long = 'x\u20ac'.repeat(50_000);
  const values = ['\u20ac\ud83d\ude00\u2028</script>', { list: [1, null] }, long];
  const echoed = [];
  const done = new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('data', (value) => echoed.push(value) === values.length && resolve());
    values.forEach((value) => client.write(value));
  });
  await within(STEP_MS_MAX, done, () => `${echoed.length} echoes`);
  // What an old browser parses has prototypes of its own.
  assert.equal(JSON.stringify(echoed), JSON.stringify(values));
  const ended = new Promise((resolve) => client.on('end', resolve));
  client.end();
  await within(STEP_MS_MAX, ended, () => 'no end');
}

test('a server that is not there is an error, and then a reconnect', async () => {
  const { Primus } = openPage(legacy('--transformer', 'any'));
  for (const transformer of ['engine.io', 'sockjs', 'browserchannel']) {
    const client = new Primus('http://127.0.0.1:1', { transformer, websockets: false });
    const scheduled = new Promise((resolve) => client.on('reconnect scheduled', resolve));
    const failed = new Promise((resolve) => client.on('error', resolve));
    const { message } = await within(STEP_MS_MAX, failed, () => `no error by ${transformer}`);
    assert.match(message, /cannot be reached|All transports failed/);
    await within(STEP_MS_MAX, scheduled, () => `no reconnect by ${transformer}`);
    client.destroy();
  }
});
