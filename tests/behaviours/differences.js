// Where a client or a transport does other than the list says, each with its reason. What stands
// here is asserted as strictly as the list itself.
'use strict';

/**
 * `scenario` by name, and for which `clients`, `kinds` of servers and `transformers` (all, if not
 * said); `expected` takes the place of the scenario's own.
 */
const DIFFERENCES = [];

/**
 * What depends on the transport alone, by name: where that is, and the `events` that stand in for it
 * there. Elsewhere nothing does.
 */
const QUIRKS = {
  'a break is an error': {
    reason: 'The `ws` of npm tells of a break by its close event alone; the others have an error.',
    cells: [{ clients: ['npm'], transformers: ['faye', 'engine.io', 'sockjs', 'browserchannel'] }],
    events: ['error'],
  },
};

/** The events that are due in one cell of the matrix. */
function sequenceFor({ scenario, ...cell }) {
  const expected = differenceFor(scenario.name, cell)?.expected ?? scenario.expected;
  return expected.flatMap((part) => (part.quirk ? eventsOf(part.quirk, cell) : [part]));
}

function differenceFor(scenario, cell) {
  return DIFFERENCES.find((each) => each.scenario === scenario && covers(each, cell));
}

function eventsOf(name, cell) {
  const { cells, events } = QUIRKS[name];
  return cells.some((each) => covers(each, cell)) ? events : [];
}

/** Whether a cell of the matrix is among those that an entry names. */
function covers({ clients, kinds, transformers }, cell) {
  return (clients?.includes(cell.client) ?? true)
    && (kinds?.includes(cell.kind) ?? true)
    && (transformers?.includes(cell.transformer) ?? true);
}

module.exports = { DIFFERENCES, QUIRKS, sequenceFor };
