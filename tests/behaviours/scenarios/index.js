// The list of behaviours.
//
// A scenario has a `name`, the `expected` events of its client from its construction on, and
// `run(world)`, which makes things happen and returns the client, or nothing if it has asserted all
// there is itself. `check(trace)` asserts what the order of events does not say. `clients` and
// `transformers` restrict it.
'use strict';

const SCENARIOS = [
  ...require('./opening'),
  ...require('./messages'),
  ...require('./ending'),
  ...require('./reconnecting'),
  ...require('./strategies'),
  ...require('./timing'),
  ...require('./network'),
  ...require('./javascript'),
];

const names = new Set(SCENARIOS.map(({ name }) => name));
if (names.size !== SCENARIOS.length) throw new Error('two scenarios of one name');

module.exports = { SCENARIOS };
