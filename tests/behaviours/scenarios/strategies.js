// When to reconnect, in every spelling of the option `strategy`.
'use strict';

const { ENDING, LOSS, OPENING, PARTING } = require('./sequences');

/** What a client is told, and which strategies it then has. */
const SPELLINGS = [
  [undefined, ['disconnect', 'timeout']],
  [[], ['disconnect', 'timeout']],
  [['disconnect'], ['disconnect']],
  [['Disconnect', 'ONLINE'], ['disconnect']],
  [['timeout'], ['timeout']],
  [['online'], []],
  ['disconnect', ['disconnect']],
  ['disconnect,online', ['disconnect']],
  ['disconnect , timeout', ['disconnect', 'timeout']],
  ['Timeout, DISCONNECT', ['disconnect', 'timeout']],
  ['timeout', ['timeout']],
  ['online, timeout', ['timeout']],
  ['online', []],
  ['', []],
  [false, []],
];

module.exports = SPELLINGS.flatMap(([strategy, has]) => {
  const given = strategy === undefined ? {} : { strategy };
  const name = strategy === undefined ? 'by default' : `${JSON.stringify(strategy)}`;
  return [
    {
      name: `the strategy ${name} after a loss`,
      transformers: ['websockets'],
      expected: [...OPENING, ...has.includes('disconnect') ? LOSS : PARTING],
      run: (world) => runLoss(world, copy(given)),
    },
    {
      name: `the strategy ${name} after a timeout`,
      transformers: ['websockets'],
      expected: [
        'state:opening', 'timeout', ...has.includes('timeout') ? ['reconnect scheduled'] : ENDING,
      ],
      run: (world) => runTimeout(world, copy(given)),
    },
  ];
});

/** The client of npm changes the list that it is given. */
function copy(given) {
  return structuredClone(given);
}

async function runLoss(world, given) {
  const client = await world.open({ reconnect: { min: 60_000 }, ...given });
  client.write({ do: 'end', reconnect: true });
  await client.trace.wait('close');
  return client;
}

async function runTimeout(world, given) {
  const proxy = await world.proxy();
  proxy.stall();
  const options = { url: proxy.url, timeout: 50, reconnect: { min: 60_000 } };
  const client = await world.create({ ...options, ...given });
  await client.trace.wait('timeout');
  return client;
}
