// Numbers, bytes and times as people read them.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** A count: exact up to five digits, short beyond. */
export function count(number) {
  if (!isNumber(number)) return '–';
  if (Math.abs(number) < 100_000) return whole.format(number);
  if (number < 999_500) return `${whole.format(number / 1e3)}k`;
  return number < 1e9 ? `${digits(number / 1e6)}M` : `${digits(number / 1e9)}G`;
}

/** How often a second something happens: small numbers with a digit behind the point. */
export function rate(number) {
  if (!isNumber(number)) return '–';
  return number > 0 && number < 10 ? one.format(number) : count(number);
}

export function bytes(number) {
  if (!isNumber(number)) return '–';
  let unit = 0;
  while (number >= 1000 && unit < UNITS.length - 1) {
    number /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(number) : digits(number)} ${UNITS[unit]}`;
}

/** A duration in milliseconds. */
export function ms(number) {
  if (!isNumber(number)) return '–';
  if (number < 1) return `${number.toFixed(2)} ms`;
  if (number < 1_000) return `${number < 10 ? one.format(number) : whole.format(number)} ms`;
  return number < 60_000 ? `${one.format(number / 1e3)} s` : span(number);
}

export function percent(part) {
  return isNumber(part) ? `${whole.format(part * 100)}%` : '–';
}

/** A longer duration: its two largest parts. */
export function span(number) {
  const seconds = Math.max(0, Math.floor(number / 1000));
  const parts = [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']];
  const first = parts.findIndex(([size]) => seconds >= size);
  if (first < 0) return 'a moment';
  const words = parts.slice(first, first + 2).map(([size, name], place) => {
    const amount = Math.floor(seconds / size) % (place === 0 ? Infinity : limit(size));
    return amount > 0 || place === 0 ? `${amount} ${name}` : '';
  });
  return words.filter(Boolean).join(' ');
}

const limit = (size) => (size === 3_600 ? 24 : 60);

export function clock(at) {
  return new Date(at).toLocaleTimeString('en-GB');
}

/** A round number that is no smaller, and whose half is round, too. */
export function round(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 3, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= number * .9999);
}

function digits(number) {
  return number < 10 ? number.toFixed(1) : whole.format(number);
}

function isNumber(number) {
  return typeof number === 'number' && Number.isFinite(number);
}
