// EJSON, Meteor's extended JSON, with the text of npm ejson 2: dates, bytes, regular expressions
// and numbers that JSON lacks become objects with names that begin with a dollar.

export const ejson = {
  encode: (value) => JSON.stringify(toJson(value, 0)),

  decode(packet) {
    if (typeof packet !== 'string') throw new TypeError('The packet is not text');
    return fromJson(JSON.parse(packet), 0);
  },
};

const toJson = (value, depth) => {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { $InfNaN: Math.sign(value) || 0 };
  }
  if (typeof value !== 'object' || !value) return value;
  if (value instanceof Date) return { $date: value.getTime() };
  if (value instanceof RegExp) return { $regexp: value.source, $flags: value.flags };
  if (value instanceof Uint8Array) return { $binary: bytesAsBase64(value) };
  const inner = mapEjson(value, depth, toJson);
  return formOf(value) ? { $escape: inner } : inner;
};

const fromJson = (value, depth) => {
  if (typeof value !== 'object' || !value) return value;
  const form = formOf(value);
  return form ? FORMS[form](value, depth) : mapEjson(value, depth, fromJson);
};

const mapEjson = (value, depth, convert) => {
  if (depth === EJSON_DEPTH_MAX) throw new RangeError('The value is nested too deeply');
  if (Array.isArray(value)) return value.map((item) => convert(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, convert(item, depth + 1)]),
  );
};

// What an object stands for, if its names say so. An object of the application that looks like it
// is escaped on its way.
const formOf = (value) => {
  const keys = Object.keys(value);
  const form = keys.length <= 2 && keys.sort().join();
  return Object.hasOwn(FORMS, form) && form;
};

const FORMS = {
  $date: ({ $date }) => new Date($date),
  $InfNaN: ({ $InfNaN }) => $InfNaN / 0,
  $binary: ({ $binary }) => Uint8Array.from(atob($binary), (char) => char.charCodeAt(0)),
  $escape: ({ $escape }, depth) => mapEjson($escape, depth, fromJson),
  // Flags that are unknown or come twice are left out, as in the package.
  '$flags,$regexp': ({ $regexp, $flags }) =>
    new RegExp($regexp, [...new Set($flags.match(/[gimuy]/g))].join('')),
  '$type,$value'({ $type }) {
    throw new Error(`Custom EJSON type ${$type} is not defined`);
  },
};

const bytesAsBase64 = (bytes) =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));

// As deep as AllSpark's server reads. See `packs.js`.
const EJSON_DEPTH_MAX = 512;
