// Where a client or a transport does other than the list says, each with its reason. What stands
// here is asserted as strictly as the list itself.
'use strict';

const {
  ATTEMPT, ENDING, FAILED_ATTEMPT, LOSS, OPENING, RECOVERY,
} = require('./scenarios/sequences');
const { maybe } = require('./trace');

const LATE_ERROR = 'The client of npm goes on to find out whether there is a network, and tells of '
  + 'it after the end.';

/**
 * `scenario` by name, and for which `clients`, `kinds` of servers and `transformers` (all, if not
 * said); `expected` takes the place of the scenario's own.
 */
const DIFFERENCES = [
  {
    scenario: 'a client ends while it reconnects',
    clients: ['npm'],
    reason: 'The end does not stop the procedure of npm: its attempt runs out of time, and the '
      + 'client comes back.',
    expected: [
      ...OPENING, ...LOSS, ...ATTEMPT, ...ENDING, 'reconnect timeout', 'reconnect scheduled',
    ],
  },
  {
    scenario: 'an unknown message of Primus is data',
    clients: ['javascript', 'rust'],
    reason: 'The README of Primus says that messages which begin with `primus::` never reach the '
      + 'application.',
    expected: [...OPENING, 'data'],
  },
  {
    scenario: 'a client ends while it waits to reconnect',
    clients: ['npm'],
    transformers: ['browserchannel'],
    reason: LATE_ERROR,
    expected: [...OPENING, ...LOSS, 'end', maybe('error')],
  },
  {
    scenario: 'a refused connection is an error and no more without a timeout',
    clients: ['npm'],
    transformers: ['browserchannel'],
    reason: LATE_ERROR,
    expected: ['state:opening', 'error', 'state:end', maybe('error')],
  },
  {
    scenario: 'retries that are used up are the end',
    clients: ['npm'],
    transformers: ['browserchannel'],
    reason: LATE_ERROR,
    expected: [
      ...OPENING, ...LOSS, ...FAILED_ATTEMPT, ...ATTEMPT, 'end', 'reconnect failed', 'state:end',
      maybe('error'),
    ],
  },
  {
    scenario: 'a session of browserchannel outlives its connections',
    clients: ['npm'],
    reason: 'The client of npm gives a session up with its connection, unless the one that was cut '
      + 'was just being replaced, as one in three is.',
    expected: [
      ...OPENING,
      maybe(
        'error', 'state:end', 'close', 'reconnect scheduled', 'state:opening', 'reconnect',
        'reconnected', 'state:open', 'open',
      ),
      'data',
    ],
  },
  {
    scenario: 'the last words of a client arrive',
    clients: ['npm'],
    transformers: ['browserchannel'],
    reason: 'The client of npm forgets what it has not sent yet when it is closed.',
    expected: [...OPENING, ...ENDING, 'unheard'],
  },
];

/**
 * What depends on the transport alone, by name: where that is, and the `events` that stand in for
 * it there. Elsewhere nothing does.
 */
const QUIRKS = {
  'a break is an error': {
    reason: 'A WebSocket tells of a break by its close event alone; these have an error too.',
    cells: [
      { transformers: ['sockjs'] },
      { clients: ['npm'], transformers: ['faye', 'browserchannel'] },
    ],
    events: ['error'],
  },
  'a loss is an error': {
    reason: 'To these clients a session that its server has closed is an error.',
    cells: [{ clients: ['npm', 'javascript'], transformers: ['browserchannel'] }],
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
