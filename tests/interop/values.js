// Values that every parser and every transport must bring back as they went.
'use strict';

const VALUES = {
  'numbers': [1, 0, -1, 1.5, 1e21, 1e-7, -1.7976931348623157e308, 5e-324, Number.MAX_SAFE_INTEGER],
  'zero': 0,
  'null': null,
  'booleans': [true, false],
  'false alone': false,
  'an empty string': '',
  'empty containers': [{}, [], [[]], { '': {} }],
  'a nested object': { a: { b: [{ c: null }, [1, [2, [3]]]], 'd e': 'f' }, 0: 'zero', '-': -0.5 },
  'emoji': 'Grüße 👋🏽 from 👩‍👩‍👧‍👦 𝄞',
  'line separators': 'a\u2028b\u2029c',
  'control characters': '\u0000\u0001\u001f\u007f\b\f\n\r\t"\\/',
  'what looks like the protocol': ['primus::ping::1', { 'primus::server::close': 'primus::id::' }],
  'what almost is the protocol': 'primus:ping::1',
};

module.exports = { VALUES };
