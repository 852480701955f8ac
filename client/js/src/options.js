// The options of a client, completed.

// `authorization` says that the server has an authorization handler: then a failed first connection
// most likely was refused, and is not repeated.
export const completeOptions = (options, defaults, authorization) => {
  const complete = {
    queueSize: Infinity,
    timeout: 10_000,
    reconnect: {},
    pingTimeout: defaults.pingTimeout,
    transport: {},
    WebSocket: defaults.WebSocket,
    ...options,
  };
  complete.strategy = strategyText(options.strategy ?? [], authorization);
  return complete;
};

// Finds what is compiled in under a name. What is no text was brought by the application itself.
export const chooseAmong = (what, choices, name) => {
  const choice = typeof name === 'string' ? choices[name.toLowerCase()] : name;
  if (choice) return choice;
  throw new Error(`Unknown ${what} \`${name}\`, use one of: ${Object.keys(choices).join(', ')}`);
};

// The two directions of a parser in the way of Primus, `(value, done)`, in which a parser of an
// application may come as well.
export const parserFunctions = ({ encode, decode, encoder, decoder }) => ({
  encoder: encoder ?? withCallback(encode),
  decoder: decoder ?? withCallback(decode),
});

const withCallback = (convert) => (value, done) => {
  let result;
  let failure;
  try {
    result = convert(value);
  } catch (error) {
    failure = error;
  }
  done(failure, result);
};

const strategyText = (strategy, authorization) => {
  const isGiven = typeof strategy !== 'object' || strategy.length;
  const usual = authorization ? 'disconnect,online' : 'disconnect,online,timeout';
  const chosen = isGiven ? strategy || '' : usual;
  return `${chosen}`.replace(/\s?,\s?/g, ',').toLowerCase();
};
