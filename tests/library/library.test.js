// The client library as `allspark library` writes it and as a server serves it: it has to work
// wherever a script, a module or a CommonJS file does, and match the server that made it.
'use strict';

const assert = require('node:assert/strict');
const { execFile, execFileSync } = require('node:child_process');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');
const zlib = require('node:zlib');

const { minify } = require('terser');

const { allsparkBinary, freePort, startServer, within } = require('../interop/server');
const { fileOf, library } = require('./made');

const TRANSFORMERS = [
  'websockets', 'faye', 'uws', 'engine.io', 'sockjs', 'browserchannel', 'any',
];
const PARSERS = ['json', 'raw'];
const STEP_MS_MAX = 60_000;

/** Runs the text as a browser runs a classic script, where no code may be made of text. */
function runAsScript(text, globals = {}) {
  const page = vm.createContext(
    { URL, WebSocket: class {}, setTimeout, clearTimeout, location: {}, ...globals },
    { codeGeneration: { strings: false, wasm: false } },
  );
  vm.runInContext(text, page, { filename: 'primus.js' });
  return page;
}

/** A client that never connects, and what it knows. */
const knowledge = (Primus) => {
  const client = new Primus('http://127.0.0.1:1', { manual: true });
  const { pathname, version, authorization, options } = client;
  return { pathname, version, authorization, pingTimeout: options.pingTimeout };
};

const KNOWN = { pathname: '/primus', version: '8.0.9', authorization: false, pingTimeout: 45_000 };

test('websockets and JSON fit into 5,000 bytes, minified and compressed', async () => {
  for (const format of ['universal', 'esm']) {
    const text = library('--transformer', 'websockets', '--parser', 'json', '--format', format);
    const { code } = await minify(text, { module: format === 'esm', compress: { passes: 3 } });
    const bytes = zlib.gzipSync(code, { level: 9 }).length;
    assert.ok(bytes < 5_000, `${format}: ${bytes} bytes`);
  }
});

test('every choice is JavaScript, and the same each time', { concurrency: 2 }, async (t) => {
  const formats = [['universal', 'js'], ['esm', 'mjs']];
  for (const transformer of TRANSFORMERS) {
    for (const [format, extension] of formats) {
      const options = ['--transformer', transformer, '--format', format];
      for (const target of [[], ['--node']]) {
        const text = library(...options, ...target);
        assert.equal(library(...options, ...target), text);
        const file = fileOf(t, `primus.${extension}`, text);
        execFileSync(process.execPath, ['--check', file]);
      }
    }
  }
  for (const parser of PARSERS) runAsScript(library('--parser', parser));
});

test('what is served is small, although no name in it is shortened', () => {
  const bytes = (...options) => zlib.gzipSync(library(...options), { level: 9 }).length;
  assert.ok(bytes('--transformer', 'websockets') < 8_000);
  assert.ok(bytes('--transformer', 'any') < 14_000);
});

test('a script tag makes a global variable', () => {
  const page = runAsScript(library());
  assert.deepEqual({ ...knowledge(page.Primus) }, KNOWN);
  const named = runAsScript(library('--global', 'Chat'));
  assert.equal(typeof named.Chat, 'function');
  assert.equal(named.Primus, undefined);
});

test('AMD gets the class beside the global variable', () => {
  const defined = [];
  const define = Object.assign((factory) => defined.push(factory()), { amd: {} });
  const page = runAsScript(library(), { define });
  assert.deepEqual(defined, [page.Primus]);
});

test('CommonJS gets the class and nothing becomes global', (t) => {
  const before = Object.keys(globalThis);
  const Primus = require(fileOf(t, 'primus.cjs', library('--transformer', 'any')));
  assert.deepEqual(knowledge(Primus), KNOWN);
  assert.deepEqual(Object.keys(globalThis), before);
});

test('a module is imported by name or for its effect', async (t) => {
  const esm = await import(pathToFileURL(fileOf(t, 'primus.mjs', library('--format', 'esm'))));
  assert.deepEqual(knowledge(esm.default), KNOWN);
  assert.equal(esm.Primus, esm.default);
  assert.equal(globalThis.Primus, undefined);
  const effect = fileOf(t, 'effect.mjs', library('--global', 'ByImport'));
  await import(pathToFileURL(effect));
  assert.deepEqual(knowledge(globalThis.ByImport), KNOWN);
  delete globalThis.ByImport;
});

test('the options of the server are compiled in, whatever they hold', () => {
  const pathname = "/it's-(odd)&$%22";
  const options = ['--pathname', pathname, '--ping-interval', '25', '--transformer', 'sockjs'];
  const { Primus } = runAsScript(library(...options));
  assert.deepEqual({ ...knowledge(Primus) }, { ...KNOWN, pathname, pingTimeout: 38 });
  const off = runAsScript(library('--ping-interval', 'off'));
  assert.equal(knowledge(off.Primus).pingTimeout, false);
});

test('a transformer that is not compiled in is refused by name', () => {
  const { Primus } = runAsScript(library('--transformer', 'sockjs'));
  const make = () => new Primus('http://127.0.0.1:1', { manual: true, transformer: 'engine.io' });
  assert.throws(make, { message: 'Unknown transformer `engine.io`, use one of: sockjs' });
});

test('a wrong global name is one line and exit code 2', async () => {
  for (const name of ['my-app', '', 'class', '</script>']) {
    const failed = await new Promise((resolve) => {
      const args = ['library', `--global=${name}`];
      execFile(allsparkBinary(), args, (error, stdout, stderr) => {
        resolve({ code: error?.code, stdout, lines: stderr.trim().split('\n').length });
      });
    });
    assert.deepEqual(failed, { code: 2, stdout: '', lines: 1 }, name);
  }
});

test('it is served as Primus serves it, and cached', async (t) => {
  // What is served has the server's interval in it; that of `allspark library` is the default.
  const options = { kind: 'allspark', transformer: 'engine.io', pingIntervalMs: 30_000 };
  const server = await startServer(t, options);
  const ask = (name, headers = {}, method = 'GET') =>
    fetch(`${server.url}/primus/${name}`, { method, headers });
  for (const [name, format] of [['primus.js', 'universal'], ['primus.mjs', 'esm']]) {
    const expected = library('--transformer', 'engine.io', '--format', format);
    const plain = await ask(name, { 'accept-encoding': 'identity' });
    assert.equal(plain.status, 200);
    assert.equal(plain.headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.equal(plain.headers.get('cache-control'), 'no-cache');
    assert.equal(plain.headers.get('pragma'), null);
    assert.equal(await plain.text(), expected);
    assert.equal(Number(plain.headers.get('content-length')), Buffer.byteLength(expected));

    const packed = await ask(name, { 'accept-encoding': 'gzip', origin: 'http://a.example' });
    assert.equal(packed.headers.get('content-encoding'), 'gzip');
    assert.equal(packed.headers.get('access-control-allow-origin'), 'http://a.example');
    assert.equal(await packed.text(), expected);
    const shortest = zlib.gzipSync(expected, { level: 9 }).length;
    assert.ok(Number(packed.headers.get('content-length')) < 1.05 * shortest);

    const etag = packed.headers.get('etag');
    const known = await ask(name, { 'accept-encoding': 'gzip', 'if-none-match': etag });
    assert.deepEqual([known.status, await known.text()], [304, '']);
    const hash = plain.headers.get('etag').replaceAll('"', '');
    const versioned = await ask(`${name}?v=${hash}`);
    assert.match(versioned.headers.get('cache-control'), /max-age=31536000, immutable/);
    assert.equal(await (await ask(name, {}, 'HEAD')).text(), '');
    assert.equal((await ask(name, {}, 'POST')).status, 200, 'as in Primus');
  }
  assert.equal((await ask('primus.js/')).status, 400, 'a request for engine.io');
});

for (const transformer of TRANSFORMERS.slice(0, -1)) {
  test(`the library for Node.js talks to its server over ${transformer}`, async (t) => {
    for (const served of [transformer, 'any']) {
      const port = await freePort();
      await startServer(t, { kind: 'allspark', transformer: served, app: 'echo', port });
      const text = library('--node', '--transformer', served, '--global', `Made${port}`);
      const Primus = require(fileOf(t, 'primus.cjs', text));
      const client = new Primus(`http://127.0.0.1:${port}`, { transformer });
      const value = { text: 'a\u2028</script>', list: [1, null] };
      const echoed = new Promise((resolve, reject) => {
        client.on('data', resolve).on('error', reject);
        client.write(value);
      });
      assert.deepEqual(await within(STEP_MS_MAX, echoed, () => `no echo by ${served}`), value);
      client.end();
    }
  });
}
