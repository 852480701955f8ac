// What is made for old browsers: that it is made of the modules as they are, and that what stands
// in for a young browser does what that does. That it runs in an old one, tests/library shows.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { shims } from '../legacy/made/shims.js';
import { makeLegacy } from '../scripts/legacy.js';

const made = (path) => fileURLToPath(new URL(`../legacy/made/${path}`, import.meta.url));

test('what is committed is made of the modules: `npm run legacy` makes it anew', async () => {
  const expected = await makeLegacy();
  const files = await readdir(made(''), { recursive: true });
  const paths = files.filter((path) => path.endsWith('.js')).sort();
  assert.deepEqual(paths, [...expected.keys()].sort());
  for (const path of paths) {
    assert.equal(await readFile(made(path), 'utf8'), expected.get(path), path);
  }
});

test('the tests of the client pass with it', async () => {
  const path = (name) => fileURLToPath(new URL(name, import.meta.url));
  const files = ['client', 'emitter', 'lifecycle', 'recovery'].map((name) => `./${name}.test.js`);
  const loader = new URL('./support/legacy.js', import.meta.url).href;
  const args = ['--import', loader, '--test', '--test-reporter=tap', ...files.map(path)];
  // Within the runner that runs this one, another one would only report to it.
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  assert.match(stdout, /^# pass [5-9]\d$/m, 'more than 50 tests');
  assert.match(stdout, /^# fail 0$/m);
});

const VALUES = [
  null, true, -1, 0, 127, 128, 65_536, -32_769, 4_294_967_296, -4_294_967_297, 2 ** 60, -(2 ** 60),
  1.5, 'a', 'é€\u{1d11e}'.repeat(40), [1, [2, { a: 'b' }]], { a: { b: [] }, __proto__: null },
];

for (const name of ['json', 'raw', 'ejson', 'msgpack', 'binary']) {
  test(`the parser ${name} has the bytes of the one for browsers of today`, async () => {
    const ours = (await import(`../src/parsers/${name}.js`))[name];
    const theirs = (await import(`../legacy/made/parsers/${name}.js`))[name];
    for (const value of VALUES) {
      const packet = ours.encode(value);
      assert.deepEqual(theirs.encode(value), packet);
      assert.deepEqual(theirs.decode(packet), ours.decode(packet));
    }
    const { ejson } = { [name]: [ours, theirs] };
    for (const value of ejson ? [new Date(5), /a/gi, Infinity, new Uint8Array([1, 255])] : []) {
      assert.equal(theirs.encode(value), ours.encode(value));
      assert.deepEqual(theirs.decode(ours.encode(value)), value);
    }
  });
}

const PARTS = [
  'protocol', 'username', 'password', 'hostname', 'port', 'host', 'pathname', 'search', 'hash',
  'origin', 'href',
];

const partsOf = (Url, ...given) => {
  try {
    const url = new Url(...given);
    return PARTS.map((part) => url[part]);
  } catch (error) {
    return error.name;
  }
};

test('an address has the parts of a URL', () => {
  const base = 'https://b.example:8443/x/y?z=1#w';
  for (const address of [
    'http://a.example', 'HTTPS://A.Example:443/p/q?r=s#t', 'ws://user:pass@[::1]:80/', '/p?q',
    'wss://user@h:0123/?#', '//other.example/p', 'rel', '?only=query', '', '#top', ' http://a/ ',
    'http://a.example:65535/p?a=b?c#d?e', 'http://a.example:65536', 'http://', 'http://a b/',
    'http://a.example:port', 'http://%zz/', 'http://a|b/',
  ]) {
    assert.deepEqual(partsOf(shims.Address, address, base), partsOf(URL, address, base), address);
    assert.deepEqual(partsOf(shims.Address, address), partsOf(URL, address), address);
  }
  assert.equal(`${new shims.Address('http://a')}`, 'http://a/');
});

test('text and bytes', () => {
  const bytes = (text) => Array.from(new shims.TextEncoder().encode(text));
  for (const text of ['', 'a\0', '\u07ff\u0800\uffff', '\u{10000}\u{10ffff}', '\ud800a\udc00']) {
    assert.deepEqual(bytes(text), Array.from(new TextEncoder().encode(text)), text);
  }
  const decode = (Decoder, list) => new Decoder('utf-8', { ignoreBOM: true }).decode(list);
  for (const list of [
    [], [0x61, 0], [0xc3, 0xa9], [0xe2, 0x82, 0xac], [0xf0, 0x9d, 0x84, 0x9e], [0xef, 0xbb, 0xbf],
    [0x80], [0xc0, 0x80], [0xf5, 0x61], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
  ]) {
    const given = Uint8Array.from(list);
    assert.equal(decode(shims.TextDecoder, given), decode(TextDecoder, given), `${list}`);
  }
});

test('forms', () => {
  for (const values of [{}, { a: 1, 'b c': "!'()~*-._ &=+%" }, { count: 'é€\u{1d11e}\ud800' }]) {
    assert.equal(`${new shims.URLSearchParams(values)}`, `${new URLSearchParams(values)}`);
  }
  const [ours, theirs] = [new shims.URLSearchParams({ a: 1 }), new URLSearchParams({ a: 1 })];
  for (const form of [ours, theirs]) form.append('a', 'b');
  assert.equal(`${ours}`, `${theirs}`);
});

test('collections', () => {
  const map = new shims.Map();
  map.set('a', 1).set('b', 2).set('a', 3);
  assert.deepEqual([map.get('a'), map.has('b'), map.get('c')], [3, true, undefined]);
  assert.deepEqual(map.keys(), ['a', 'b']);
  assert.deepEqual([map.delete('a'), map.delete('a'), map.keys()], [true, false, ['b']]);
  const [weak, key] = [new shims.WeakMap(), {}];
  assert.equal(weak.get(key), undefined);
  weak.set(key, 1).set(key, 2);
  assert.deepEqual([weak.get(key), weak.has(key), Object.keys(key)], [2, true, []]);
  assert.equal(new shims.WeakMap().has(key), false, 'two maps do not share a key');
  weak.delete(key);
  assert.equal(weak.has(key), false);
  const set = new shims.Set([1, 2, 1]);
  set.delete(1);
  assert.deepEqual(Array.from(set), [2]);
});

test('methods', () => {
  assert.deepEqual(
    shims.matchAll('a=1&b=2', /(\w)=(\w)/g),
    Array.from('a=1&b=2'.matchAll(/(\w)=(\w)/g), (match) => [...match]),
  );
  assert.equal(shims.padStart('7', 3, '0'), '007');
  assert.deepEqual([shims.at([1, 2], -1), shims.at('ab', 0)], [2, 'a']);
  assert.equal(shims.flags(/a/gim), 'gim');
  assert.equal(shims.origin({ protocol: 'http:', host: 'a:1' }), 'http://a:1');
  const odd = shims.Object_fromEntries([['__proto__', 1]]);
  assert.deepEqual(Object.keys(odd), ['__proto__'], 'a name is a name');
});
