// Our MessagePack against the package that npm primus drives.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { msgpack } from '../../src/parsers/msgpack.js';
import { bytesOfLength, jsonValues, nested, numbers, randomBytes, same, seeded } from './values.js';

const npm = createRequire(import.meta.url)('primus-msgpack');

const extended = [
  undefined,
  () => {},
  Symbol('s'),
  { gone: undefined, called() {} },
  ...[NaN, Infinity, -Infinity, 0.1, -0, 1e300],
  new Date(1_700_000_000_000),
  /a\/b+/gi,
  Object(true),
  Object('boxed'),
  Object(5),
  new Map([[1, 2]]),
  new (class Point {
    x = 1;
  })(),
  Object.assign(Object.create(null), { bare: true }),
  new ArrayBuffer(5),
  new DataView(new ArrayBuffer(8), 2, 3),
  new Uint8Array([9, 8, 7, 6]).subarray(1, 3),
  ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array].map((Type) => Type.of(1, 2, 3)),
  ...[Int32Array, Uint32Array, Float32Array, Float64Array].map((Type) => Type.of(1, 2, 3)),
  ...[Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(
    (Type) => new Type('broken'),
  ),
];
const values = [
  ...jsonValues,
  ...numbers,
  ...bytesOfLength,
  ...bytesOfLength.map((bytes) => Buffer.from(bytes)),
  ...extended,
];

test('the bytes are those of the package', () => {
  for (const value of values) {
    same(Buffer.from(msgpack.encode(value)), npm.encode(value), String(value?.length));
  }
});

test('both read the bytes of the other alike', () => {
  for (const value of values) {
    const bytes = npm.encode(value);
    same(msgpack.decode(bytes), npm.decode(bytes));
    same(npm.decode(Buffer.from(msgpack.encode(value))), npm.decode(bytes));
  }
});

test('a packet may be a buffer, or a part of one', () => {
  const bytes = Uint8Array.of(0xff, ...msgpack.encode({ a: 'ä' }));
  same(msgpack.decode(bytes.subarray(1)), { a: 'ä' });
  same(msgpack.decode(bytes.slice(1).buffer), { a: 'ä' });
});

test('types of other makers are read', () => {
  assert.equal(msgpack.decode(Uint8Array.of(0xca, 0x3f, 0xc0, 0, 0)), 1.5);
  assert.equal(msgpack.decode(Uint8Array.of(0xcf, 0, 0, 0, 1, 0, 0, 0, 0)), 2 ** 32);
  assert.equal(msgpack.decode(Uint8Array.of(0xd3, ...Array(8).fill(0xff))), -1);
  const unknown = msgpack.decode(Uint8Array.of(0xd5, 0x55, 1, 2));
  same([unknown.type, [...unknown.buffer]], [0x55, [1, 2]]);
});

test('what is not valid is an error', () => {
  const cases = [[], [0xc1], [0xa5, 1], [0xdd, 255, 255, 255, 255], [0xdf, 255, 255, 255, 255, 1]];
  cases.push([0xc6, 255, 255, 255, 255], [0xc9, 255, 255, 255, 255, 1], [0x81, 1], [0xd4]);
  cases.push([0xd5, 0x0a, 0x92, 1], [0xd4, 0x13, 1], Array(10_000).fill(0x91));
  for (const bytes of cases) assert.throws(() => msgpack.decode(Uint8Array.from(bytes)));
  for (const packet of ['text', null, undefined, 5]) assert.throws(() => msgpack.decode(packet));
});

test('a key never reaches the prototype', () => {
  const value = msgpack.decode(npm.encode(JSON.parse('{"__proto__":{"polluted":true}}')));
  assert.equal(value.polluted, undefined);
  assert.equal({}.polluted, undefined);
});

test('what can not be written is an error', () => {
  const circle = [];
  circle.push(circle);
  assert.throws(() => msgpack.encode(circle), /nested too deeply/);
  assert.throws(() => msgpack.encode(1n));
  same(msgpack.decode(msgpack.encode(nested(512))), nested(512));
  assert.throws(() => msgpack.encode(nested(513)), /nested too deeply/);
});

test('an object that claims to be a buffer is an object', () => {
  const value = { constructor: { name: 'Buffer' }, length: 1e9 };
  same(msgpack.decode(msgpack.encode(value)), value);
});

test('whatever comes is read or refused, within its bounds', () => {
  const random = seeded(1);
  for (let round = 0; round < 50_000; round += 1) {
    try {
      msgpack.decode(randomBytes(random));
    } catch (error) {
      assert.ok(error instanceof Error);
    }
  }
});
