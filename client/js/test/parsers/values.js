// Values on which a parser and its npm package must agree, and bytes that no peer should send.

import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';

// As `assert.deepEqual`, which takes minutes to describe how two large values differ.
export const same = (value, expected, about = '') => {
  if (isDeepStrictEqual(value, expected)) return;
  const [short, wanted] = [value, expected].map((each) => inspect(each).slice(0, 300));
  assert.fail(`${about} ${short} is not ${wanted}`);
};

export const jsonValues = [
  null,
  true,
  false,
  '',
  'text',
  'ä\u2028 \u{1f600} \ufeff',
  [],
  {},
  [[[[]]]],
  { a: { b: [1, 'two', null] }, 'ключ': 1 },
  { constructor: 1, toString: 2, hasOwnProperty: 3 },
  Array.from({ length: 17 }, (_, index) => index),
  Array.from({ length: 70_000 }, () => 0),
  Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, index])),
  ...[15, 16, 31, 32, 255, 256, 65_535, 65_536].map((length) => 'x'.repeat(length)),
  ...[15, 16, 31, 32, 255, 256, 65_535, 65_536].map((length) => 'ä'.repeat(length)),
];

export const numbers = [0, 1, 7, 8, 15, 16, 31, 32, 52, 53].flatMap((bits) =>
  [-1, 0, 1].flatMap((step) => [2 ** bits + step, -(2 ** bits) + step]),
);

export const bytesOfLength = [0, 1, 2, 3, 4, 8, 15, 16, 17, 254, 255, 256, 65_536].map((length) =>
  Uint8Array.from({ length }, (_, index) => index),
);

export const nested = (depth, wrap = (value) => [value]) => {
  let value = 0;
  for (let level = 0; level < depth; level += 1) value = wrap(value);
  return value;
};

// A generator of numbers in [0, 1) that gives the same ones in each run.
export const seeded = (seed) => () => {
  seed = (seed * 1_664_525 + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

export const randomBytes = (random) =>
  Uint8Array.from({ length: Math.floor(random() * 40) }, () => {
    // Types of containers and extensions more often than chance would have it.
    return random() < 0.5 ? 0x80 + Math.floor(random() * 0x60) : Math.floor(random() * 256);
  });
