// Our BinaryPack against the package that npm primus drives.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { binary } from '../../src/parsers/binary.js';
import { bytesOfLength, jsonValues, nested, numbers, randomBytes, same, seeded } from './values.js';

// The package is from a time before `Buffer.from`; its warning says nothing about us.
process.noDeprecation = true;
const npm = createRequire(import.meta.url)('binary-pack');

const values = [
  // The package's time grows with the square of a list's length.
  ...jsonValues.filter((value) => value?.constructor !== 1 && !(value?.length === 70_000)),
  ...numbers,
  ...bytesOfLength.slice(1).map((bytes) => Buffer.from(bytes)),
  ...[undefined, { gone: undefined }, NaN, 0.1, -0, 1e15, 2 ** 62, -(2 ** 63), new Date(0)],
];

test('the bytes are those of the package', () => {
  for (const value of values) {
    same(Buffer.from(binary.encode(value)), npm.pack(value));
  }
});

test('both read the bytes of the other alike', () => {
  // The package never comes back from a 64-bit integer with a sign.
  for (const value of values.filter((each) => !(Math.abs(each) >= 2 ** 31))) {
    const bytes = npm.pack(value);
    same(binary.decode(bytes), npm.unpack(bytes));
  }
});

test('what the package can not do is done right', () => {
  const own = JSON.parse('{"hasOwnProperty":1,"constructor":{}}');
  for (const value of [2 ** 53, -(2 ** 53), 2 ** 63 + 4096, ...jsonValues, own]) {
    same(binary.decode(binary.encode(value)), value);
  }
  const part = Uint8Array.of(0, 1, 2, 3).subarray(1, 3);
  for (const bytes of [new Uint8Array(0), new ArrayBuffer(2), part]) {
    same([...binary.decode(binary.encode(bytes))], [...new Uint8Array(bytes)]);
  }
  class Custom {
    toBinaryPack = () => [0xc3];
  }
  same(binary.decode(binary.encode([new Custom()])), [true]);
});

test('types that say nothing are undefined, as in the package', () => {
  for (const type of [0xc1, 0xc4, 0xc9, 0xd4, 0xd7]) {
    assert.equal(npm.unpack(Buffer.of(type)), undefined);
    assert.equal(binary.decode(Uint8Array.of(type)), undefined);
  }
});

test('what is not valid is an error', () => {
  const cases = [[], [0xb5, 1], [0xdd, 255, 255, 255, 255], [0xdf, 255, 255, 255, 255, 1], [0x81]];
  cases.push([0xdb, 255, 255, 255, 255, 1], [0xd9, 255, 255, 255, 255], Array(10_000).fill(0x91));
  for (const bytes of cases) assert.throws(() => binary.decode(Uint8Array.from(bytes)));
  assert.throws(() => binary.decode('text'));
});

test('what can not be written is an error', () => {
  const circle = {};
  circle.circle = circle;
  for (const value of [Infinity, -Infinity, 1e300, () => {}, Symbol('s'), 1n, new Map(), circle]) {
    assert.throws(() => binary.encode(value));
  }
  assert.throws(() => binary.encode(nested(513)), /nested too deeply/);
});

test('whatever comes is read or refused, within its bounds', () => {
  const random = seeded(2);
  for (let round = 0; round < 50_000; round += 1) {
    try {
      binary.decode(randomBytes(random));
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }
});
