// Values that a seed chooses, of everything that a parser of Primus can carry.
'use strict';

/** A generator of numbers in [0, 1) that gives the same ones in each run. */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** `count` values; `further` are makers of what not every parser knows. */
function generated(count, seed, further = []) {
  const random = seeded(seed);
  return Array.from({ length: count }, () => value(random, further, 3));
}

function value(random, further, depth) {
  const makers = [number, number, text, text, plain, ...further];
  if (depth > 0) makers.push(list, object, object);
  return pick(random, makers)(random, further, depth);
}

const plain = (random) => pick(random, [null, true, false, '', [], {}]);

/** Whole numbers of every size, and others. Beyond 2^53 they are multiples of a power of two. */
function number(random) {
  const magnitude = 2 ** Math.floor(random() * 63);
  const whole = Math.floor((random() * 2 - 1) * magnitude);
  return pick(random, [whole, whole, whole / 1024, random() * 1e-300, magnitude, -magnitude]);
}

const CHARACTERS = ['a', 'Z', '"', '\\', '\n', '\u0000', 'ä', '\u2028', '€', '\uffff', '👋', '$'];

function text(random) {
  const longest = pick(random, [3, 3, 16, 17, 40, 300]);
  const length = Math.floor(random() * longest);
  return Array.from({ length }, () => pick(random, CHARACTERS)).join('');
}

function list(random, further, depth) {
  const length = Math.floor(random() * pick(random, [3, 3, 20]));
  return Array.from({ length }, () => value(random, further, depth - 1));
}

// What EJSON has forms for.
const NAMES = ['$date', '$binary', '$InfNaN', '$escape', '$regexp', '$flags', '$type', '$value'];

// Names that are numbers come first in JavaScript, wherever they stood, so there are none.
function object(random, further, depth) {
  const name = () => (random() < 0.2 ? pick(random, NAMES) : `k${text(random)}`);
  const length = Math.floor(random() * pick(random, [2, 3, 20]));
  const entry = () => [name(), value(random, further, depth - 1)];
  return Object.fromEntries(Array.from({ length }, entry));
}

/** Bytes of lengths around those at which their head grows. */
function buffer(random) {
  const length = pick(random, [1, 2, 4, 8, 15, 16, 17, 254, 255, 256, Math.ceil(random() * 1000)]);
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

const date = (random) => new Date(Math.floor((random() * 2 - 1) * 8.64e15));

const regExp = (random) => pick(random, [/a\/b+/gi, /(?:)/, /ä\n"/mu, /x/y]);

const infinite = (random) => pick(random, [Infinity, -Infinity, NaN]);

const typedArray = (random) =>
  new (pick(random, [Int8Array, Int16Array, Float64Array]))([random() * 100, -1]);

const pick = (random, choices) => choices[Math.floor(random() * choices.length)];

module.exports = { buffer, date, generated, infinite, regExp, typedArray };
