// Our EJSON against the package that npm primus drives.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { ejson } from '../../src/parsers/ejson.js';
import { bytesOfLength, jsonValues, nested, numbers, same } from './values.js';

const npm = createRequire(import.meta.url)('ejson');

const values = [
  ...jsonValues,
  ...numbers,
  ...bytesOfLength,
  ...[undefined, NaN, Infinity, -Infinity, 0.1, 1e300, new Date(1e12), new Date(NaN), /a\/b+/gimuy],
  { when: new Date(0), bytes: Buffer.from('ab'), at: [NaN, undefined, () => {}], gone: undefined },
  { $date: 1 },
  { $date: 'x', $other: 1 },
  { $date: new Date(5) },
  [{ $escape: { $date: 1 } }],
  { $regexp: 'a', $flags: 'g' },
  { $flags: 1, $regexp: { $InfNaN: 1 } },
  { $type: 'x', $value: { $binary: 'y' } },
  { $InfNaN: { $InfNaN: { $InfNaN: 1 } } },
  Object('boxed'),
  new Map([[1, 2]]),
  Float32Array.of(1.5),
  new (class Point {
    x = new Date(7);
  })(),
];

test('the text is that of the package', () => {
  for (const value of values) assert.equal(ejson.encode(value), npm.stringify(value));
});

test('both read the text of the other alike', () => {
  for (const value of values) {
    const text = npm.stringify(value);
    if (text !== undefined) same(ejson.decode(text), npm.parse(text));
  }
});

test('foreign text is read as the package reads it', () => {
  const texts = ['{"$date":"2020-01-01"}', '{"$date":null}', '{"$InfNaN":-1}', '{"$InfNaN":"x"}'];
  texts.push('{"$regexp":"a","$flags":"gigxs"}', '{"$binary":"QQ=="}', '{"$binary":"QQ"}');
  texts.push('{"$date":1,"a":2}', '{"$escape":{"$escape":{"$date":1}}}', '[{"$escape":{}}]');
  for (const text of texts) same(ejson.decode(text), npm.parse(text), text);
});

test('what is not valid is an error', () => {
  for (const text of ['', '{', '{"$type":"x","$value":1}', '{"$regexp":"(","$flags":""}']) {
    assert.throws(() => npm.parse(text), text);
    assert.throws(() => ejson.decode(text), text);
  }
  for (const packet of ['{"$binary":"*"}', '{"$escape":null}', new ArrayBuffer(1), undefined, 5]) {
    assert.throws(() => ejson.decode(packet));
  }
});

test('a value is not changed by being written', () => {
  const value = { when: new Date(0), inner: [NaN] };
  ejson.encode(value);
  same(value, { when: new Date(0), inner: [NaN] });
});

test('nesting has its bound', () => {
  const circle = [];
  circle.push(circle);
  assert.throws(() => ejson.encode(circle), /nested too deeply/);
  same(ejson.decode(ejson.encode(nested(512))), nested(512));
  assert.throws(() => ejson.decode(JSON.stringify(nested(513))), /nested too deeply/);
  const escaped = nested(2000, (value) => ({ $escape: { $date: value } }));
  assert.throws(() => ejson.decode(JSON.stringify(escaped)), /nested too deeply/);
});

test('a key never reaches the prototype', () => {
  const value = ejson.decode('{"a":{"__proto__":{"polluted":true},"b":1,"c":2}}');
  assert.equal(value.a.polluted, undefined);
});
